import Darknet

/// The weights that a seed stands for: SplitMix64 draws in the order of the weights file.
enum GeneratedWeights {
  /// Per convolution biases in [-0.1, 0.1), with batch norm scales [0.8, 1.2), rolling mean
  /// [-0.1, 0.1), rolling variance [0.5, 1.5), then weights in [-k, k), k = sqrt(6 / products per
  /// output).
  static func parameters(of network: Network, seed: UInt64) -> Parameters {
    var random = Random(seed: seed)
    let parameters = Parameters(of: network, randomize: false)
    for node in network.nodes where node.layer.sharesParametersOf == nil {
      let layer = node.layer
      for (parameter, buffer) in zip(layer.parameters, parameters.buffers[node.index]) {
        let range: (Double, Double)
        switch parameter.role {
        case .bias: range = (-0.1, 0.1)
        case .scale: range = (0.8, 1.2)
        case .rollingMean: range = (-0.1, 0.1)
        case .rollingVariance: range = (0.5, 1.5)
        case .weight:
          let rows = layer.parameters.first { $0.role == .bias }?.count ?? 1
          let k = (6 / Double(max(parameter.count / rows, 1))).squareRoot()
          range = (-k, k)
        }
        for i in 0..<buffer.count { buffer.pointer[i] = random.uniform(range.0, range.1) }
      }
    }
    return parameters
  }
}
