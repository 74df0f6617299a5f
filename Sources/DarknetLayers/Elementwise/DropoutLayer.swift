import DarknetConfig
import DarknetKernels
import DarknetTensors
import DarknetText

/// `[dropout]`: in training each value is 0 with probability p and divided by 1 - p else
/// (Srivastava et al. 2014); at inference nothing happens.
///
/// Options: `probability`, which is p (default 0.2 in AlexeyAB's dialect, 0.5 in pjreddie's);
/// `dropblock`, `dropblock_size_rel` and `dropblock_size_abs`, which drop whole blocks in
/// AlexeyAB's GPU code and single values on its CPU, as here. No parameters.
package struct DropoutLayer: Layer {
  package static let sectionNames = ["dropout"]

  /// What `dropblock` asks for; the table shows it.
  package enum Block: Hashable, Sendable {
    case size(Int)
    /// Share of the map's sides.
    case share(Float)
  }

  package let probability: Float
  package let block: Block?
  package let outputShape: Shape
  let source: Int

  package init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    probability = try options.float(
      "probability", default: site.dialect == .pjreddie ? 0.5 : 0.2, loud: true)
    guard (0...1).contains(probability) else {
      throw options.error(
        "probability", expected: "a number in 0...1", found: "'\(general(Double(probability)))'",
        fix: "change it or drop the line")
    }
    let isBlock = try options.flag("dropblock")
    let share = try options.float("dropblock_size_rel", default: 0)
    let size = try options.int("dropblock_size_abs", default: 0, in: 0...65_536)
    block = !isBlock ? nil : Self.block(share: share, size: size, of: site.inputShape)
    outputShape = site.inputShape
    source = site.previousIndex
  }

  /// A size goes before a share, 7 stands for none, and no block is larger than the map.
  private static func block(share: Float, size: Int, of shape: Shape) -> Block {
    if share != 0, size == 0 { return .share(share) }
    let size = size == 0 ? 7 : size
    return .size(size > shape.width || size > shape.height ? min(shape.width, shape.height) : size)
  }

  package var sources: [Int] { [source] }
  package var isIdentityAtInference: Bool { true }

  /// The factor of each value.
  package func savedCount(batch: Int) -> Int { batch * outputShape.count }

  package func forward(_ pass: ForwardPass) {
    let y = pass.output
    Vector.copy(pass.input.pointer, to: y.pointer, count: y.count)
    guard pass.isTraining else { return }
    var random = Random(seed: pass.seed)
    let kept = 1 / (1 - probability)
    for i in 0..<y.count { pass.saved[i] = random.unit() < Double(probability) ? 0 : kept }
    Vector.multiply(y.pointer, by: pass.saved, count: y.count)
  }

  package func backward(_ pass: BackwardPass) {
    guard let dx = pass.inputGradient else { return }
    let dy = pass.outputGradient
    Vector.multiply(dy.pointer, by: pass.forward.saved, count: dy.count)
    Vector.add(dy.pointer, to: dx.pointer, count: dy.count)
  }

  package var channelFlow: ChannelFlow { .channelwise(outputShape) }

  package var averageOutputs: AverageOutputs { .never }

  package var tableRow: TableRow {
    .dropout(count: outputShape.count, probability: probability, block: block)
  }
}
