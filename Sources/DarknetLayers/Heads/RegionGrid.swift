import DarknetGeometry

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Where the values of `[region]` stand in the output of one image, and what boxes they mean.
struct RegionGrid: Sendable {
  let width: Int
  let height: Int
  /// In cells.
  let anchors: [Anchor]
  /// Values of a prediction: x, y, w, h, objectness, classes.
  let entries: Int
  /// pjreddie's order, planes; else all values of a prediction follow one another.
  let isPlanes: Bool

  var area: Int { width &* height }
  /// From one value of a prediction to the next.
  var stride: Int { isPlanes ? area : 1 }

  /// Where the first value of a prediction is.
  @inline(__always) func base(anchor: Int, cell: Int) -> Int {
    isPlanes
      ? planeBase(anchor: anchor, cell: cell) : (cell &* anchors.count &+ anchor) &* entries
  }

  /// The same in planes, as inputs and gradients always are.
  @inline(__always) func planeBase(anchor: Int, cell: Int) -> Int {
    anchor &* entries &* area &+ cell
  }

  /// Offset in the cell: in planes the forward pass has applied the logistic.
  @inline(__always) func offset(_ value: Float) -> Float {
    isPlanes ? value : 1 / (1 + exp(-value))
  }

  /// The box of a prediction whose first value is `values[0]`.
  func box(_ values: UnsafePointer<Float>, anchor: Int, cell: Int) -> Box {
    Box(
      x: (Float(cell % width) + offset(values[0])) / Float(width),
      y: (Float(cell / width) + offset(values[stride])) / Float(height),
      width: exp(values[2 &* stride]) * anchors[anchor].width / Float(width),
      height: exp(values[3 &* stride]) * anchors[anchor].height / Float(height))
  }

  /// The shape of an anchor, at the origin.
  func shape(_ anchor: Int) -> Box {
    Box(
      x: 0, y: 0, width: anchors[anchor].width / Float(width),
      height: anchors[anchor].height / Float(height))
  }
}
