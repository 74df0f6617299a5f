import Darknet
import DarknetTestSupport
import Testing

/// Every layer's output, as the layers' own rules and as the inference plan compute it, against
/// the reference programs'. The tolerance is the one that the data's README suggests: both sides
/// round in float32, and batch norm may be folded on one side only.
@Suite
struct ForwardGoldenTests {
  static let tolerance: Float = 1e-4

  @Test(arguments: GoldenCase.inBothSpellings("forward"))
  func `outputs equal the reference`(_ golden: GoldenCase) throws {
    let unknown = try golden.unknownSections
    guard unknown.isEmpty else {
      Issue.record("not registered: \(unknown.joined(separator: ", "))")
      return
    }
    let (network, parameters) = try golden.network()
    let input = try golden.floats("input.f32")
    let frames = golden.manifest.input.frames ?? 1
    let count = network.inputShape.count
    try #require(input.count == frames * count)

    let executor = TrainingExecutor(network, parameters: parameters, batch: 1, isTraining: false)
    let plan = InferencePlan(network, parameters: parameters, batch: 1, keeping: nil)
    var outputs = network.nodes.map { _ in (own: [Float](), planned: [Float]()) }
    for frame in 0..<frames {
      let values = Array(input[frame * count..<(frame + 1) * count])
      values.withUnsafeBufferPointer { executor.forward($0) }
      _ = plan.inputView.values.update(fromContentsOf: values)
      plan.run()
      for index in network.nodes.indices {
        outputs[index].own += executor.output(index).values
        outputs[index].planned += plan.output(index).values
      }
    }
    for layer in golden.manifest.layers {
      let shape = network.shape(of: layer.index)
      #expect(
        [shape.channels, shape.height, shape.width] == layer.shape,
        "layer \(layer.index) [\(layer.type)]")
      guard let file = layer.file else { continue }
      let expected = try golden.floats(file)
      for (who, values) in [
        ("layers", outputs[layer.index].own), ("plan", outputs[layer.index].planned),
      ] {
        let error = deviation(values, from: expected)
        #expect(error <= Self.tolerance, "layer \(layer.index) [\(layer.type)] of the \(who)")
      }
    }
  }
}
