import Darknet
import DarknetTestSupport
import Foundation
import Testing

/// One training pass forward and back against the reference programs'.
///
/// Darknet's signs are the other way round: its deltas and updates are minus our gradients. Largest
/// value of a tensor times 1e-4: both sides sum up thousands of float32 products, in other orders.
@Suite
struct GradientGoldenTests {
  static let tolerance: Float = 1e-4

  @Test(arguments: GoldenCase.inBothSpellings("grad"))
  func `gradients equal the reference`(_ golden: GoldenCase) throws {
    let unknown = try golden.unknownSections
    guard unknown.isEmpty else {
      Issue.record("not registered: \(unknown.joined(separator: ", "))")
      return
    }
    let (network, parameters) = try golden.network()
    let batch = try #require(golden.manifest.batch)
    let executor = TrainingExecutor(network, parameters: parameters, batch: batch)
    executor.keepsGradients = true
    try golden.floats("input.f32").withUnsafeBufferPointer { executor.forward($0) }
    let loss = executor.computeLoss(try truth(of: golden))
    let headGradients = network.nodes.map { node in
      executor.outputGradient(node.index).map { $0.values.map { -$0 } }
    }
    executor.backward()

    for layer in golden.manifest.layers {
      let place = "layer \(layer.index) [\(layer.type)]"
      let layerNode = network.nodes[layer.index].layer
      for (kind, file) in (layer.files ?? [:]).sorted(by: { $0.key < $1.key }) {
        var expected = try golden.floats(file)
        func gradient(_ name: String) -> [Float]? {
          layerNode.parameters.firstIndex { $0.name == name }
            .flatMap { executor.gradients[layer.index][$0] }.map { $0.values.map { -$0 } }
        }
        func value(_ name: String) -> [Float]? {
          layerNode.parameters.firstIndex { $0.name == name }
            .map { parameters.buffers[layer.index][$0].array }
        }
        let found: [Float]? =
          switch kind {
          case "output": Array(executor.output(layer.index).values)
          case "delta": executor.outputGradient(layer.index).map { $0.values.map { -$0 } }
          case "headdelta": headGradients[layer.index]
          case "weight_updates": gradient("weights")
          case "bias_updates": gradient("biases")
          case "scale_updates": gradient("scales")
          case "rolling_mean": value("rolling_mean")
          case "rolling_variance": value("rolling_variance")
          // The batch's own statistics show in the output and in the rolling ones.
          case "mean", "variance": nil
          default: []
          }
        guard let found else { continue }
        if kind == "weight_updates", let shortcut = layerNode as? ShortcutLayer,
          shortcut.weightsType != .none
        {
          expected = throughNormalization(
            expected, of: shortcut, weights: parameters.buffers[layer.index][0].array)
        }
        // A bias before batch norm moves nothing: its update is the rounding of a zero, to be
        // compared with the weights' updates.
        let largest = kind == "bias_updates" ? gradient("weights") ?? [] : []
        let error = deviationFromLargest(found + largest, from: expected + largest)
        #expect(error <= Self.tolerance, "\(place) \(kind)")
      }
      if let cost = layer.cost {
        let report = loss.reports.first { $0.layer == layer.index }?.report
        #expect(deviation([report?.cost ?? .nan], from: [cost]) <= Self.tolerance, "\(place) cost")
      }
    }
  }

  /// The reference leaves the normalisation of a shortcut's weights out of their gradient, so its
  /// updates are those of w = the normalised weights. By the chain rule they become those of the
  /// weights v themselves: the sum over k of u[k] dw[k]/dv[s], in double by central differences.
  private func throughNormalization(
    _ updates: [Float], of layer: ShortcutLayer, weights: [Float]
  ) -> [Float] {
    let sources = layer.sources.count
    let perSource = weights.count / sources
    return weights.indices.map { index in
      let channel = index % perSource
      let places = (0..<sources).map { $0 * perSource + channel }
      func sum(_ change: Double) -> Double {
        let v = places.map { Double(weights[$0]) + ($0 == index ? change : 0) }
        let largest = v.max() ?? 0
        let shares = v.map { layer.normalization == .relu ? max($0, 0) : exp($0 - largest) }
        let total = 1e-4 + shares.reduce(0, +)
        return zip(places, shares).reduce(0) { $0 + Double(updates[$1.0]) * $1.1 / total }
      }
      return Float((sum(1e-6) - sum(-1e-6)) / 2e-6)
    }
  }

  private func truth(of golden: GoldenCase) throws -> Truth {
    if let boxes = golden.manifest.boxes {
      return .boxes(
        boxes.map { image in
          image.map {
            GroundTruth(box: Box(x: $0.x, y: $0.y, width: $0.w, height: $0.h), classIndex: $0.class)
          }
        })
    }
    let truth = try #require(golden.manifest.truth)
    return .values(try golden.floats(truth.file), perImage: truth.shape[1])
  }
}
