/// The size of one image's feature map, in Darknet's order of axes.
///
/// A batch of `N` of them is a tensor [N, C, H, W]; element (n, c, y, x) is at
/// `x + width * (y + height * (c + channels * n))`.
package struct Shape: Hashable, Sendable, CustomStringConvertible {
  package var channels: Int
  package var height: Int
  package var width: Int

  package init(channels: Int, height: Int, width: Int) {
    self.channels = channels
    self.height = height
    self.width = width
  }

  /// A flat vector, as connected layers see it: 1 x 1 x `count`.
  package init(vector count: Int) {
    self.init(channels: count, height: 1, width: 1)
  }

  /// Elements of one channel.
  package var area: Int { width * height }

  /// Elements of one image. Builders check with `checkedCount` that this cannot overflow.
  package var count: Int { channels * height * width }

  /// `count`, or nil if it overflows or a side is not positive.
  package var checkedCount: Int? {
    guard channels > 0, height > 0, width > 0 else { return nil }
    let (area, overflow1) = height.multipliedReportingOverflow(by: width)
    let (count, overflow2) = area.multipliedReportingOverflow(by: channels)
    return overflow1 || overflow2 ? nil : count
  }

  /// As Darknet's layer table writes it: width x height x channels.
  package var description: String { "\(width)x\(height)x\(channels)" }
}
