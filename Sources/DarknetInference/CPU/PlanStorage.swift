import DarknetTensors

/// Memory of a plan: slots, each living from the step that first writes it to the last that reads
/// it, in one arena. What never lives at the same time shares memory.
///
/// Both layouts keep a map's channels in order, so the channels of which only the first are still
/// to be read (a partial shortcut's source) give back the memory of the others.
struct PlanStorage {
  /// A part of a slot: where a map is, and how far its images are apart.
  struct Place: Hashable {
    var slot: Int
    /// Bytes from the slot's start.
    var offset = 0
    /// Bytes from an image to the next.
    var imageStride: Int
    /// Bytes of an image that are meant.
    var imageCount: Int
    var batch: Int

    /// Bytes from the slot's start to the end of the last image.
    var end: Int { offset + (batch - 1) * imageStride + imageCount }

    /// The first `count` bytes of each image.
    func prefix(_ count: Int) -> Place {
      var place = self
      place.imageCount = min(count, imageCount)
      return place
    }
  }

  private struct Slot {
    var count: Int
    var first: Int
    /// The last step that needs the bytes before each end.
    var lasts: [Int: Int]
    /// The slot that this one is a part of, and where.
    var parent: (slot: Int, offset: Int)?

    /// What lives how long: bytes from the start, fewer and fewer as the steps go by.
    var parts: [ArenaLayout.Block.Part] {
      var parts: [ArenaLayout.Block.Part] = []
      var longest = -1
      for (end, last) in lasts.sorted(by: { $0.key > $1.key }) where last > longest {
        parts.append(.init(count: end, lifetime: first...max(first, last)))
        longest = last
      }
      return parts
    }
  }

  /// Bytes of a cache line.
  private static let lineBytes = 64

  /// Bytes of the cache lines that hold `count` bytes.
  static func lines(_ count: Int) -> Int { (count + lineBytes - 1) / lineBytes * lineBytes }

  private var slots: [Slot] = []
  private(set) var offsets: [Int] = []
  /// Bytes of the arena.
  private(set) var count = 0

  /// A slot of this many bytes that step `step` writes.
  mutating func makeSlot(count: Int, at step: Int) -> Int {
    // Multiples of 64 bytes keep every slot on cache lines of its own.
    let count = Self.lines(count)
    slots.append(Slot(count: count, first: step, lasts: [count: step], parent: nil))
    return slots.count - 1
  }

  /// The slot that holds `slot` in the end, and where in it.
  func root(of slot: Int) -> (slot: Int, offset: Int) {
    var (slot, offset) = (slot, 0)
    while let parent = slots[slot].parent { (slot, offset) = (parent.slot, offset + parent.offset) }
    return (slot, offset)
  }

  /// Whether `slot` may still become a part of another.
  func isFree(_ slot: Int) -> Bool { slots[slot].parent == nil }

  /// Whether other slots are parts of `slot`.
  func hasParts(_ slot: Int) -> Bool { slots.contains { $0.parent?.slot == slot } }

  /// Bytes of a slot, rounded up to cache lines.
  func count(of slot: Int) -> Int { slots[slot].count }

  /// Makes `slot` a part of `parent`, `offset` bytes from its start.
  mutating func place(_ slot: Int, in parent: Int, at offset: Int) {
    let root = root(of: parent)
    slots[slot].parent = (parent, offset)
    for (end, last) in slots[slot].lasts { extend(root.slot, root.offset + offset + end, to: last) }
    slots[root.slot].first = min(slots[root.slot].first, slots[slot].first)
  }

  /// Keeps what `place` means alive through `step`.
  mutating func use(_ place: Place, at step: Int) {
    let root = root(of: place.slot)
    extend(root.slot, root.offset + place.end, to: step)
  }

  private mutating func extend(_ root: Int, _ end: Int, to step: Int) {
    slots[root].first = min(slots[root].first, step)
    let end = min(Self.lines(end), slots[root].count)
    slots[root].lasts[end] = max(slots[root].lasts[end] ?? step, step)
  }

  /// Gives every slot its place.
  mutating func layOut() {
    let roots = slots.indices.filter { slots[$0].parent == nil }
    let layout = ArenaLayout(
      roots.map { .init(parts: slots[$0].parts) }, lineCount: Self.lineBytes)
    offsets = Array(repeating: 0, count: slots.count)
    for (slot, offset) in zip(roots, layout.offsets) { offsets[slot] = offset }
    for slot in slots.indices where slots[slot].parent != nil {
      let root = root(of: slot)
      offsets[slot] = offsets[root.slot] + root.offset
    }
    count = layout.count
  }

  /// Bytes from the arena's start to a place.
  func offset(of place: Place) -> Int { offsets[place.slot] + place.offset }

  /// Bytes that live while each step runs.
  func liveCounts(steps: Int) -> [Int] {
    var live = [Int](repeating: 0, count: steps)
    for slot in slots where slot.parent == nil {
      var step = slot.first
      for part in slot.parts {
        while step <= min(part.lifetime.upperBound, steps - 1) {
          live[step] += part.count
          step += 1
        }
      }
    }
    return live
  }
}
