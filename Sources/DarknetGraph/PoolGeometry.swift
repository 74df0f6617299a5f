/// The windows of a pooling, in one plane of H x W.
///
/// Window (y, x) starts at `y * strideY - padding / 2` (integer division), likewise for x; what is
/// outside the plane is ignored. `padding` is the total of both sides, as Darknet counts it:
/// outWidth = (W + padding - size) / strideX + 1.
package struct PoolGeometry: Hashable, Sendable {
  package var height: Int
  package var width: Int
  package var size: Int
  package var strideX: Int
  package var strideY: Int
  package var padding: Int

  /// - Parameters:
  ///   - height: of the plane, likewise `width`.
  ///   - size: side of a window.
  package init(height: Int, width: Int, size: Int, strideX: Int, strideY: Int, padding: Int) {
    self.height = height
    self.width = width
    self.size = size
    self.strideX = strideX
    self.strideY = strideY
    self.padding = padding
  }

  package var outHeight: Int { (height + padding - size) / strideY + 1 }
  package var outWidth: Int { (width + padding - size) / strideX + 1 }

  /// Whether windows are 2x2 squares side by side, the last ones cut off at odd edges.
  package var isHalving: Bool { size == 2 && strideX == 2 && strideY == 2 && padding == 1 }
}
