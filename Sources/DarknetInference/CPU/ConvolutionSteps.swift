import DarknetGraph
import DarknetKernels
import DarknetNetwork
import DarknetTensors

extension StepBuilder {
  /// A convolution with all that passes have fused to it.
  func convolution(_ op: Graph.Operator) -> PlanStep {
    guard let (attributes, algorithm) = op.packed else {
      preconditionFailure("no algorithm was chosen")
    }
    let (folded, epilogue) = (FoldedConvolutionValues(attributes, parameters), attributes.epilogue)
    let packed = withExtendedLifetime(folded) {
      InferenceConvolution(
        attributes.geometry, weights: folded.weights, scales: folded.scales?.pointer,
        bias: folded.biases.pointer,
        finish: .init(
          epilogue.activation, residualChannels: epilogue.residualChannels,
          secondActivation: epilogue.secondActivation, pools: op.result(.pooled) != nil),
        algorithm: algorithm, context: context)
    }
    func place(_ role: Graph.Operand.Role) -> Place? {
      op.operand(role).map { memory.place(of: $0) }
    }
    func place(_ role: Graph.Result.Role) -> Place? { op.result(role).map { memory.places[$0]! } }
    let (input, residual, factors) = (
      place(.map as Graph.Operand.Role)!, place(.residual), place(.factors)
    )
    let (output, pooled, averages) = (
      place(.map as Graph.Result.Role), place(.pooled), place(.averages)
    )
    let batch = batch
    let what =
      (factors == nil ? "" : "scaled ") + algorithm.rawValue
      + (residual == nil ? "" : " + residual") + (pooled == nil ? "" : " + pool")
      + (averages == nil ? "" : " + average")
    return step(
      op, what,
      workspace: packed.workspaceCount(
        batch: batch, threads: context.threads, joins: factors != nil || averages != nil)
    ) { memory in
      packed.run(
        input: memory.floats(input), inputStride: input.floatStride,
        residual: residual.map(memory.map), output: output.map(memory.map),
        pooled: pooled.map(memory.map), factors: factors.map(memory.map),
        averages: averages.map(memory.map), batch: batch, workspace: memory.floatWorkspace,
        context: context)
    }
  }

  /// A 1x1 convolution, the depthwise one after it, and the average over that one's map.
  func pointwiseDepthwise(
    _ op: Graph.Operator, _ expand: Graph.ConvolutionAttributes,
    _ depthwise: Graph.ConvolutionAttributes
  ) -> PlanStep {
    let values = [expand, depthwise].map { FoldedConvolutionValues($0, parameters) }
    let parts = zip([expand, depthwise], values).map { attributes, folded in
      PointwiseDepthwise.Part(
        attributes.geometry, weights: folded.weights, scales: folded.scales?.pointer,
        bias: folded.biases.pointer, activation: attributes.epilogue.activation)
    }
    let joined = withExtendedLifetime(values) {
      PointwiseDepthwise(parts[0], parts[1], context: context)
    }
    let input = memory.place(of: op.operands[0])
    let output = memory.places[op.result(.map)!]!
    let averages = op.result(.averages).map { memory.places[$0]! }
    let batch = batch
    return step(
      op, op.operation.name + (averages == nil ? "" : " + average"),
      workspace: joined.workspaceCount(batch: batch, threads: context.threads)
    ) { memory in
      joined.run(
        input: memory.floats(input), inputStride: input.floatStride, output: memory.map(output),
        averages: averages.map(memory.map), batch: batch, workspace: memory.floatWorkspace,
        context: context)
    }
  }
}

extension PlanMemory {
  fileprivate func map(_ place: PlanStorage.Place) -> InferenceConvolution.Map {
    InferenceConvolution.Map(floats(place), imageStride: place.floatStride)
  }
}

/// What batch norm makes of a convolution's weights and biases:
///
///     w'[f] = w[f] k[f],   b'[f] = b[f] - mean[f] k[f],   k = scale / sqrt(variance + 1e-5)
///
/// in double precision (pjreddie's dialect: k = scale / (sqrt(variance) + 1e-6)).
struct FoldedConvolutionValues {
  /// w, as the parameters hold them.
  let weights: UnsafeMutablePointer<Float>
  /// k; nil without batch norm.
  let scales: FloatBuffer?
  /// b'
  let biases: FloatBuffer

  init(_ convolution: Graph.ConvolutionAttributes, _ parameters: Parameters) {
    func values(_ constant: Graph.Constant) -> UnsafeMutablePointer<Float> {
      parameters.pointers(constant.layer)[constant.parameter]
    }
    let filters = convolution.geometry.filters
    weights = values(convolution.weights)
    biases = FloatBuffer(count: filters)
    if let bias = convolution.epilogue.bias {
      biases.pointer.update(from: values(bias), count: filters)
    }
    guard let normalization = convolution.epilogue.normalization else {
      scales = nil
      return
    }
    let scales = FloatBuffer(count: filters)
    let (factors, means, variances) = (
      values(normalization.scales), values(normalization.means), values(normalization.variances)
    )
    for f in 0..<filters {
      let variance = Double(variances[f])
      let deviation =
        switch normalization.epsilon {
        case .insideRoot(let e): (variance + Double(e)).squareRoot()
        case .outsideRoot(let e): variance.squareRoot() + Double(e)
        }
      let k = Double(factors[f]) / deviation
      biases.pointer[f] = Float(Double(biases.pointer[f]) - Double(means[f]) * k)
      scales.pointer[f] = Float(k)
    }
    self.scales = scales
  }
}
