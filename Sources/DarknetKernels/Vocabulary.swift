// The shapes and functions that kernels are called with are the graph's.
@_exported import enum DarknetGraph.Activation
@_exported import enum DarknetGraph.NormalizationEpsilon
@_exported import struct DarknetGraph.ConvolutionGeometry
@_exported import struct DarknetGraph.PoolGeometry
