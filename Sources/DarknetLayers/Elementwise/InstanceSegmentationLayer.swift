import DarknetConfig
import DarknetGraph
import DarknetKernels
import DarknetTensors
import DarknetText

/// `[iseg]`: pjreddie's head for instance segmentation.
///
///     y[c] = 1 / (1 + e^-x[c])    c in 0..<classes        x, y [N, classes + ids, H, W]
///     y[c] = x[c]                 the ids after them
///
/// Options: `classes` (default 20), `ids` (default 32). No parameters. Its loss needs masks, which
/// no data loader here gives: in training it says so and trains nothing by itself.
///
/// - Throws: `ConfigError` if the input has not classes + ids channels.
package struct InstanceSegmentationLayer: LossLayer {
  package static let sectionNames = ["iseg"]

  package let classes: Int
  package let ids: Int
  package let outputShape: Shape
  let source: Int

  package init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    classes = try options.size("classes", default: 20, loud: true)
    ids = try options.size("ids", default: 32, loud: true)
    outputShape = site.inputShape
    guard classes + ids == outputShape.channels else {
      throw options.error(
        "classes", expected: "an input of classes + ids = \(classes + ids) channels",
        found: "\(outputShape.channels)",
        fix: "write filters=\(classes + ids) in the section before, or fix classes and ids")
    }
    source = site.previousIndex
  }

  package var sources: [Int] { [source] }

  package func forward(_ pass: ForwardPass) {
    let y = pass.output
    Vector.copy(pass.input.pointer, to: y.pointer, count: y.count)
    for n in 0..<y.batch {
      Activation.logistic.apply(y.image(n), classes * outputShape.area, pass.context.arithmetic)
    }
  }

  /// Gradients are those before the logistic function, as with the other heads.
  package func backward(_ pass: BackwardPass) {
    guard let dx = pass.inputGradient else { return }
    Vector.add(pass.outputGradient.pointer, to: dx.pointer, count: dx.count)
  }

  package func loss(_ pass: LossPass) -> LossReport? {
    LossReport(cost: 0, notices: ["[iseg] has no loss here: training changes nothing before it"])
  }

  package var tableRow: TableRow { .instanceSegmentation }
}
