import Darknet
import DarknetTestSupport
import Foundation
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
      guard let file = layer.file,
        RecordedFaults.isRight(golden.name, layer: layer.index)
      else { continue }
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

/// `[normalization]` of the reference programs: the sum of a window is made from the one before, by
/// adding the channel that comes in and taking away the one that leaves; channel size / 2 is never
/// added.
@Suite
struct NormalizationFaultTests {
  /// Darknet's sum for channel `c`, or the right one.
  private func sum(
    _ squares: [Double], _ c: Int, size: Int, isDarknets: Bool
  ) -> Double {
    let window = max(c - (size - 1) / 2, 0)...min(c + size / 2, squares.count - 1)
    let right = window.reduce(0) { $0 + squares[$1] }
    let missing = size / 2
    guard isDarknets, missing < squares.count else { return right }
    // Missing while it is in the window, then below zero for all channels that follow.
    return c + size / 2 >= missing ? right - squares[missing] : right
  }

  /// Each recorded output from the recorded output before it.
  @Test(arguments: GoldenCase.all("forward").filter { RecordedFaults.firstLayer[$0.name] != nil })
  func `the recording is Darknet's window, ours the right one`(_ golden: GoldenCase) throws {
    let (network, _) = try golden.network()
    for (index, node) in network.nodes.enumerated() {
      guard let layer = node.layer as? LocalResponseNormalizationLayer, index > 0 else { continue }
      let entries = golden.manifest.layers
      let input = try golden.floats(try #require(entries[index - 1].file))
      let recorded = try golden.floats(try #require(entries[index].file))
      let (channels, area) = (layer.outputShape.channels, layer.outputShape.area)
      func formula(isDarknets: Bool) -> [Float] {
        var output = input
        for i in 0..<area {
          let squares = (0..<channels).map {
            Double(input[$0 * area + i]) * Double(input[$0 * area + i])
          }
          for c in 0..<channels {
            let s =
              Double(layer.kappa) + Double(layer.alpha)
              * sum(squares, c, size: layer.size, isDarknets: isDarknets)
            output[c * area + i] = Float(
              Double(input[c * area + i]) * pow(s, -Double(layer.beta)))
          }
        }
        return output
      }
      let tolerance = ForwardGoldenTests.tolerance
      #expect(deviation(formula(isDarknets: true), from: recorded) < tolerance, "layer \(index)")

      let (x, y) = (FloatBuffer(input), FloatBuffer(count: input.count))
      let scratch = FloatBuffer(count: layer.workspaceCount(batch: 1, isTraining: false, context: .shared))
      layer.forward(
        ForwardPass(
          batch: 1, isTraining: false,
          inputs: [TensorView(x.pointer, batch: 1, shape: layer.outputShape)],
          output: TensorView(y.pointer, batch: 1, shape: layer.outputShape), parameters: [],
          saved: scratch.pointer, workspace: scratch.pointer, state: scratch.pointer,
          context: .shared))
      #expect(
        deviation(y.array, from: formula(isDarknets: false)) < tolerance, "layer \(index)")
    }
  }
}
