import DarknetTensors

/// What a layer says of itself to a graph: the operators that compute its output from its inputs.
///
/// A layer's `lower(into:)` appends operators; the last one's result is the layer's output. A layer
/// that appends none is `opaque`: executors run it by its own rule.
package struct LayerLowering {
  /// The layer's place in the cfg.
  package let layer: Int
  /// What it reads, in the order of its sources, with the channels that it looks at.
  package let inputs: [Graph.Operand]
  /// Of one image.
  package let outputShape: Shape
  fileprivate let firstValue: Graph.ValueID
  fileprivate private(set) var values: [Graph.Value] = []
  fileprivate private(set) var operators: [Graph.Operator] = []

  fileprivate init(
    layer: Int, inputs: [Graph.Operand], outputShape: Shape, firstValue: Graph.ValueID
  ) {
    self.layer = layer
    self.inputs = inputs
    self.outputShape = outputShape
    self.firstValue = firstValue
  }

  /// What the operator before wrote, or the first input.
  private var previous: Graph.Operand {
    guard let value = values.last else { return inputs[0] }
    return Graph.Operand(firstValue + values.count - 1, channels: 0..<value.shape.channels)
  }

  /// Number `index` of the layer's parameters.
  package func constant(_ index: Int) -> Graph.Constant {
    Graph.Constant(layer: layer, parameter: index)
  }

  /// Appends an operator.
  ///
  /// - Parameters:
  ///   - operands: nil for the result of the one before, or the first input.
  ///   - shape: of the result; nil for the layer's output.
  package mutating func append(
    _ operation: Graph.Operation, _ operands: [Graph.Operand]? = nil, shape: Shape? = nil
  ) {
    operators.append(
      Graph.Operator(
        operation, operands ?? [previous], [Graph.Result(firstValue + values.count)],
        layers: layer...layer))
    values.append(.init(shape: shape ?? outputShape))
  }

  /// Batch normalisation or bias, and an activation, as far as they are there.
  package mutating func appendStage(
    normalization: Graph.Normalization?, bias: Graph.Constant?, activation: Activation,
    shape: Shape? = nil
  ) {
    if let normalization { append(.normalize(normalization), shape: shape) }
    if let bias { append(.bias(bias), shape: shape) }
    if activation != .linear { append(.activate(activation), shape: shape) }
  }
}

extension Graph {
  /// Adds the next layer.
  ///
  /// - Parameters:
  ///   - sources: the layers that it reads, -1 for the input, and how many of their first channels.
  ///   - isIdentity: it hands its only source's output on; nothing is computed.
  ///   - lower: what the layer says of itself.
  package mutating func addLayer(
    reading sources: [(layer: Int, channels: Int)], outputShape: Shape, isIdentity: Bool,
    lower: (inout LayerLowering) -> Void
  ) {
    let operands = sources.map { source in
      Operand(output(ofLayer: source.layer), channels: 0..<source.channels)
    }
    if isIdentity {
      layers.append(LayerEntry(operands: operands, output: operands[0].value))
      return
    }
    var lowering = LayerLowering(
      layer: layers.count, inputs: operands, outputShape: outputShape, firstValue: values.count)
    lower(&lowering)
    if lowering.operators.isEmpty { lowering.append(.opaque, operands) }
    append(lowering.values, lowering.operators)
    layers.append(LayerEntry(operands: operands, output: values.count - 1))
  }
}

/// A rewriting of a graph that keeps what it computes.
package protocol GraphPass {
  /// For tables: `fuse residual`.
  var name: String { get }
  func apply(to graph: inout Graph)
}
