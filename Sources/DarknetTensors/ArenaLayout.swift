/// Places blocks in one run of memory, counted in elements or bytes: what never lives at the same
/// time may share it.
///
/// Greedy by size: the largest first, each at the lowest place that is free during its whole life.
package struct ArenaLayout: Sendable {
  package struct Block: Sendable {
    /// The first `count` units of a block, and the steps at which somebody needs them.
    package struct Part: Sendable {
      package var count: Int
      package var lifetime: ClosedRange<Int>

      package init(count: Int, lifetime: ClosedRange<Int>) {
        self.count = count
        self.lifetime = lifetime
      }
    }

    /// A block whose end is not needed any more before its beginning has several parts.
    package var parts: [Part]

    /// Units.
    package var count: Int { parts.map(\.count).max() ?? 0 }

    /// All of it is needed from the first to the last step of `lifetime`.
    package init(count: Int, lifetime: ClosedRange<Int>) {
      parts = [Part(count: count, lifetime: lifetime)]
    }

    package init(parts: [Part]) { self.parts = parts }
  }

  /// Where each block begins, on a cache line of its own.
  package private(set) var offsets: [Int]
  /// Units of the whole run.
  package private(set) var count = 0

  /// - Parameter lineCount: units of a cache line: 16 float32 values or 64 bytes.
  package init(_ blocks: [Block], lineCount: Int = 16) {
    offsets = Array(repeating: 0, count: blocks.count)
    let blocks = blocks.map { block in
      Block(
        parts: block.parts.map {
          .init(count: ($0.count + lineCount - 1) / lineCount * lineCount, lifetime: $0.lifetime)
        })
    }
    let sizes = blocks.map(\.count)
    var placed: [PlacedPart] = []
    // Offsets strictly between these bounds would put a part on another that lives with it.
    var taken: [(low: Int, high: Int)] = []
    for index in blocks.indices.sorted(by: { (sizes[$0], $1) > (sizes[$1], $0) })
    where sizes[index] > 0 {
      taken.removeAll(keepingCapacity: true)
      for ours in blocks[index].parts {
        let (first, last) = (ours.lifetime.lowerBound, ours.lifetime.upperBound)
        for theirs in placed where theirs.first <= last && first <= theirs.last {
          taken.append((theirs.offset - ours.count, theirs.offset + theirs.count))
        }
      }
      taken.sort { $0.low < $1.low }
      var offset = 0
      for (low, high) in taken {
        if offset <= low { break }
        offset = max(offset, high)
      }
      offsets[index] = offset
      count = max(count, offset + sizes[index])
      for part in blocks[index].parts {
        placed.append(
          PlacedPart(
            offset: offset, count: part.count, first: part.lifetime.lowerBound,
            last: part.lifetime.upperBound))
      }
    }
  }

  /// A part of a block that has its place. Numbers only: every block is compared with all others.
  private struct PlacedPart {
    var offset: Int
    var count: Int
    var first: Int
    var last: Int
  }
}
