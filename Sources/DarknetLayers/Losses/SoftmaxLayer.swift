import DarknetConfig
import DarknetKernels
import DarknetTensors
import DarknetText

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// `[softmax]`: values become probabilities.
///
///     y[i] = e^((x[i] - max x) / T) / sum over the group of e^((x[k] - max x) / T)
///
/// x, y [N, C, H, W]. A group is one of `groups` equal parts of an image's values (default 1), all
/// channels of a pixel (`spatial=1`), or a group of classes of `tree=`, a `ClassTree` file.
/// `temperature` is T (default 1). No parameters.
///
/// In training it is a loss, too, if there are true values and not `noloss=1`: cross entropy,
/// -sum of ln y[i] where the true t[i] is not 0 (t does not weigh it), with y - t as its gradient;
/// places where t is -1234 are left out. As in Darknet that is a gradient of the sum, before the
/// probabilities, and so is whatever comes from later layers, such as a [cost]: it passes
/// through, but for the factor 1 / T that Darknet forgets. With `noloss=1` the layer is a function
/// like any other: dx[i] = y[i] (dy[i] - sum of dy[k] y[k]) / T.
///
/// - Throws: `ConfigError` if `groups` does not divide the values, or the tree has another number
///   of classes.
package struct SoftmaxLayer: LossLayer {
  package static let sectionNames = ["softmax", "soft"]

  package let groups: Int
  package let temperature: Float
  package let isSpatial: Bool
  package let hasLoss: Bool
  package let tree: ClassTree?
  package var learnsClasses: Bool { hasLoss }
  package var classTree: ClassTree? { tree }
  package var hasOutputForEachClass: Bool { true }
  package let outputShape: Shape
  let source: Int

  package init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    let x = site.inputShape
    groups = try options.size("groups", default: 1)
    guard x.count % groups == 0 else {
      throw options.error(
        "groups", expected: "a divisor of the \(x.count) inputs", found: "\(groups)",
        fix: "change it")
    }
    temperature = try options.float("temperature", default: 1)
    guard temperature > 0 else {
      throw options.error(
        "temperature", expected: "a number above 0", found: "'\(general(Double(temperature)))'",
        fix: "change it or drop the line")
    }
    tree = try options.classTree(at: site)
    isSpatial = try options.flag("spatial")
    hasLoss = try !options.flag("noloss")
    let classes = isSpatial ? x.channels : x.count
    if let tree, tree.count != classes {
      throw options.error(
        "tree",
        expected: "a tree of \(counted(classes, "class", "classes")), as the layer has inputs",
        found: "\(tree.count)", fix: "change the layer before or the tree")
    }
    outputShape = x
    source = site.previousIndex
  }

  package var sources: [Int] { [source] }

  /// Calls `body` with the first place, the count and the distance of the values of each group.
  private func forEachGroup(batch: Int, _ body: (_ first: Int, _ count: Int, _ stride: Int) -> Void)
  {
    let (count, area) = (outputShape.count, outputShape.area)
    for n in 0..<batch {
      let image = n * count
      for pixel in 0..<(isSpatial ? area : 1) {
        let stride = isSpatial ? area : 1
        let values = isSpatial ? outputShape.channels : count
        if let tree {
          for group in tree.groups {
            body(image + pixel + group.lowerBound * stride, group.count, stride)
          }
        } else if isSpatial {
          body(image + pixel, values, stride)
        } else {
          for group in 0..<groups { body(image + group * (count / groups), count / groups, 1) }
        }
      }
    }
  }

  package func forward(_ pass: ForwardPass) {
    let (x, y) = (pass.input.pointer, pass.output.pointer)
    forEachGroup(batch: pass.batch) { first, count, stride in
      Softmax.apply(
        x + first, to: y + first, count: count, stride: stride, temperature: temperature)
    }
  }

  package func backward(_ pass: BackwardPass) {
    guard let dx = pass.inputGradient?.pointer else { return }
    let (dy, y) = (pass.outputGradient.pointer, pass.output.pointer)
    if hasLoss {
      Vector.axpy(1 / temperature, dy, to: dx, count: pass.output.count)
      return
    }
    forEachGroup(batch: pass.batch) { first, count, stride in
      var mean: Float = 0
      for i in 0..<count { mean += dy[first &+ i &* stride] * y[first &+ i &* stride] }
      for i in 0..<count {
        let at = first &+ i &* stride
        dx[at] += y[at] * (dy[at] - mean) / temperature
      }
    }
  }

  package func loss(_ pass: LossPass) -> LossReport? {
    guard hasLoss, case .values(let truth, _) = pass.truth else { return nil }
    let count = pass.output.count
    if let problem = missingTruth(truth, count) { return problem }
    var cost = 0.0
    for i in 0..<count where truth[i] != CostLayer.leftOut {
      let y = pass.output.pointer[i]
      pass.gradient.pointer[i] = y - truth[i]
      // A probability of 0 would cost infinitely much.
      if truth[i] != 0 { cost -= Double(logf(max(y, Float.leastNormalMagnitude))) }
    }
    return LossReport(cost: Float(cost))
  }

  package var tableRow: TableRow { .values(.softmax, count: outputShape.count) }
}

extension LossLayer {
  /// A report that says so, if there are fewer true values than outputs.
  func missingTruth(_ truth: [Float], _ count: Int) -> LossReport? {
    guard truth.count < count else { return nil }
    return LossReport(
      cost: 0,
      notices: [
        "[\(Self.name)] has no loss: it needs \(count) true values for a mini-batch, the data has "
          + "\(truth.count)"
      ])
  }
}
