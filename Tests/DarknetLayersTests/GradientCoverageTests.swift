import DarknetGraph
import DarknetKernels
import DarknetLayers
import DarknetTestSupport
import Foundation
import Testing

/// What the gradient tests of this module run, by section: `docs/development.md` shows it as a
/// table, which is made from the very lists that are the tests' arguments.
enum GradientCoverage {
  struct Entry {
    var layer: any Layer.Type
    var cases: [GradientCase]
    /// What is not compared with a formula in double, or follows Darknet's rule.
    var remark = ""
  }

  private static let normalized = "batch norm with Darknet's divisor"
  private static let recurrent = "differences of its own float32 output; batch norm exactly"

  static let entries: [Entry] = [
    Entry(layer: ActivationLayer.self, cases: ActivationLayerTests.gradients),
    Entry(layer: AveragePoolLayer.self, cases: AveragePoolLayerTests.gradients),
    Entry(
      layer: BatchNormalizationLayer.self, cases: BatchNormalizationLayerTests.gradients,
      remark: normalized),
    Entry(
      layer: ConnectedLayer.self, cases: ConnectedLayerTests.gradients, remark: normalized),
    Entry(
      layer: ContrastiveLayer.self, cases: [], remark: "numbers worked by hand, Darknet's rule"),
    Entry(layer: ConvLSTMLayer.self, cases: ConvLSTMLayerTests.gradients, remark: recurrent),
    Entry(
      layer: ConvolutionalLayer.self, cases: ConvolutionalLayerTests.gradients,
      remark: normalized + "; `binary`, `xnor`: straight through, by hand"),
    Entry(layer: CostLayer.self, cases: CostLayerTests.gradients, remark: "half of squares"),
    Entry(layer: CropLayer.self, cases: CropLayerTests.gradients),
    Entry(layer: CRNNLayer.self, cases: CRNNLayerTests.gradients, remark: recurrent),
    Entry(
      layer: DeconvolutionalLayer.self, cases: DeconvolutionalLayerTests.gradients,
      remark: normalized),
    Entry(
      layer: DetectionLayer.self, cases: HeadGradientTests.detection,
      remark: "half of squares; `rescore`, `forced`, `random` by hand"),
    Entry(layer: DropoutLayer.self, cases: DropoutLayerTests.gradients),
    Entry(layer: EmptyLayer.self, cases: EmptyLayerTests.gradients),
    Entry(
      layer: GaussianYoloLayer.self, cases: HeadGradientTests.gaussian,
      remark: "by the activated values, as Darknet; IoU losses as `[yolo]`"),
    Entry(layer: GateLayer.self, cases: GateLayerTests.gradients),
    Entry(layer: GRULayer.self, cases: GRULayerTests.gradients, remark: recurrent),
    Entry(layer: HistoryLayer.self, cases: HistoryLayerTests.gradients),
    Entry(layer: ImplicitLayer.self, cases: ImplicitLayerTests.gradients),
    Entry(layer: InstanceSegmentationLayer.self, cases: [], remark: "has no loss here"),
    Entry(layer: L2NormalizationLayer.self, cases: L2NormalizationLayerTests.gradients),
    Entry(layer: LocalLayer.self, cases: LocalLayerTests.gradients),
    Entry(layer: LocalAveragePoolLayer.self, cases: LocalAveragePoolLayerTests.gradients),
    Entry(layer: LogisticLayer.self, cases: LogisticLayerTests.gradients),
    Entry(layer: LSTMLayer.self, cases: LSTMLayerTests.gradients, remark: recurrent),
    Entry(layer: MaxPoolLayer.self, cases: MaxPoolLayerTests.gradients),
    Entry(
      layer: LocalResponseNormalizationLayer.self,
      cases: LocalResponseNormalizationLayerTests.gradients),
    Entry(layer: PartialShortcutLayer.self, cases: PartialShortcutLayerTests.gradients),
    Entry(
      layer: RegionLayer.self, cases: HeadGradientTests.region,
      remark: "half of squares; trees, `rescore`, `classfix`, `bias_match` by hand"),
    Entry(layer: ReorgLayer.self, cases: ReorgLayerTests.gradients),
    Entry(layer: Reorg3DLayer.self, cases: Reorg3DLayerTests.gradients),
    Entry(layer: RNNLayer.self, cases: RNNLayerTests.gradients, remark: recurrent),
    Entry(layer: RouteLayer.self, cases: RouteLayerTests.gradients),
    Entry(layer: SpatialAttentionLayer.self, cases: SpatialAttentionLayerTests.gradients),
    Entry(layer: ScaleChannelsLayer.self, cases: ScaleChannelsLayerTests.gradients),
    Entry(layer: ShortcutLayer.self, cases: ShortcutLayerTests.gradients),
    Entry(layer: SoftmaxLayer.self, cases: SoftmaxLayerTests.gradients),
    Entry(layer: UpsampleLayer.self, cases: UpsampleLayerTests.gradients),
    Entry(
      layer: YoloLayer.self, cases: HeadGradientTests.yolo,
      remark: "cross entropies; IoU losses follow Darknet, whose sizes have twice the slope"),
  ]

  /// A row of the table: the section, each option with the values that are tried, the remark.
  static func row(_ entry: Entry) -> String {
    var values: [String: [String]] = [:]
    for (key, value) in entry.cases.flatMap(\.settings) where values[key]?.contains(value) != true {
      values[key, default: []].append(value)
    }
    let options = values.sorted { $0.key < $1.key }.map { key, values in
      key == "activation" && values.count == Activation.allCases.count
        ? "activation (all)" : "\(key) (\(values.joined(separator: "; ")))"
    }
    let dialects = Set(entry.cases.map(\.dialect)).contains(.pjreddie) ? "also pjreddie's" : ""
    let steps = Set(entry.cases.map(\.timeSteps)).sorted().last ?? 1
    let extra = [dialects, steps > 1 ? "up to \(steps) steps" : ""].filter { !$0.isEmpty }
    return "| \(entry.layer.sectionNames[0]) | \(entry.cases.count) | "
      + (options + extra).joined(separator: ", ") + " | \(entry.remark) |"
  }
}

@Suite struct GradientCoverageTests {
  @Test func `every section of the registry has an entry`() {
    let covered = GradientCoverage.entries.flatMap { $0.layer.sectionNames }
    #expect(covered.sorted() == LayerRegistry.names)
    for entry in GradientCoverage.entries where entry.cases.isEmpty {
      #expect(!entry.remark.isEmpty, "[\(entry.layer.sectionNames[0])]")
    }
  }

  @Test func `docs/development.md shows what is covered`() throws {
    let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("docs/development.md")
    let text = try String(contentsOf: page, encoding: .utf8)
    let rows = text.split(separator: "\n").drop { $0 != "<!-- gradients -->" }
      .prefix { $0 != "<!-- end of gradients -->" }.filter { $0.hasPrefix("| ") }.map(String.init)
    let expected = GradientCoverage.entries.map(GradientCoverage.row)
    #expect(
      Array(rows.dropFirst()) == expected,
      "the table should be:\n\(expected.joined(separator: "\n"))")
  }
}
