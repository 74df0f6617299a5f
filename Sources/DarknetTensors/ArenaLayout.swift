/// Places blocks of float32 values in one run of memory: blocks that never live at the same time
/// may share it.
///
/// Greedy by size: the largest first, each at the lowest place that is free during its whole life.
public struct ArenaLayout: Sendable {
  public struct Block: Sendable {
    /// Floats.
    public var count: Int
    /// First and last step at which somebody needs the values.
    public var lifetime: ClosedRange<Int>

    public init(count: Int, lifetime: ClosedRange<Int>) {
      self.count = count
      self.lifetime = lifetime
    }
  }

  /// Float offset of each block, on a cache line of its own.
  public private(set) var offsets: [Int]
  /// Floats of the whole run.
  public private(set) var count = 0

  public init(_ blocks: [Block]) {
    offsets = Array(repeating: 0, count: blocks.count)
    let sizes = blocks.map { ($0.count + 15) / 16 * 16 }
    var placed: [Int] = []
    for index in blocks.indices.sorted(by: { (sizes[$0], $1) > (sizes[$1], $0) })
    where sizes[index] > 0 {
      let rivals = placed.filter { blocks[$0].lifetime.overlaps(blocks[index].lifetime) }
        .sorted { offsets[$0] < offsets[$1] }
      var offset = 0
      for rival in rivals {
        if offset + sizes[index] <= offsets[rival] { break }
        offset = max(offset, offsets[rival] + sizes[rival])
      }
      offsets[index] = offset
      count = max(count, offset + sizes[index])
      placed.append(index)
    }
  }
}
