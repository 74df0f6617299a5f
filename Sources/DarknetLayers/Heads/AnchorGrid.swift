import DarknetGeometry

/// How the output of a head with anchors is laid out, for one image.
///
/// Each anchor of the mask has `entries` planes of H x W values, one after another:
///
///     [N, C, H, W],  C = anchors * entries
///     entries: x y w h, objectness, classes...                     [yolo], [region] in planes
///     entries: x σx y σy w σw h σh, objectness, classes...         [Gaussian_yolo]
struct AnchorGrid: Sendable {
  let width: Int
  let height: Int
  /// Planes of one anchor.
  let entries: Int
  /// The plane of the objectness; the classes follow it.
  let objectness: Int
  /// Planes from one number of a box to the next.
  let boxStride: Int

  @inline(__always) var area: Int { width &* height }

  /// Where the first value of anchor `anchor` is; entry e is e * `area` after it.
  @inline(__always) func base(anchor: Int, cell: Int) -> Int {
    anchor &* entries &* area &+ cell
  }

  /// Planes from a prediction's first value to its class `number`.
  @inline(__always) func classPlane(_ number: Int) -> Int { objectness &+ 1 &+ number }
}

/// A decoded prediction's place: what its offsets are measured from.
struct AnchorCell {
  var column: Int
  var row: Int
  var anchor: Anchor
}

/// How a head writes a box into its output, and how the box learns.
protocol AnchorBoxCoding: Sendable {
  var grid: AnchorGrid { get }
  var options: YoloOptions { get }
  /// Network's input size in pixels.
  var inputWidth: Float { get set }
  var inputHeight: Float { get set }

  /// The box whose first value is `values[0]`.
  func box(_ values: UnsafePointer<Float>, at cell: AnchorCell) -> Box

  /// What the uncertainty of the box leaves of its probability.
  func certainty(_ values: UnsafePointer<Float>) -> Float

  /// The point of `box` whose cell predicts it.
  func referencePoint(of box: Box) -> (x: Float, y: Float)

  /// Adds to `gradient` the slope of the box' loss by each of its values, times `weight`.
  ///
  /// - Returns: the predicted box.
  func addBoxGradient(
    _ values: UnsafePointer<Float>, at cell: AnchorCell, truth: Box, weight: Float,
    to gradient: UnsafeMutablePointer<Float>
  ) -> Box
}

extension AnchorBoxCoding {
  func certainty(_ values: UnsafePointer<Float>) -> Float { 1 }

  /// Whether an object has left its slopes in this prediction's box already.
  func isBoxTaken(_ gradient: UnsafePointer<Float>) -> Bool {
    (0..<4).contains { gradient[$0 &* grid.boxStride &* grid.area] != 0 }
  }
}
