import DarknetTensors

/// Memory of a plan: slots, each living from the step that first writes it to the last that reads
/// it, in one arena. Slots that never live at the same time share memory.
struct PlanStorage {
  /// A part of a slot: where a map stands, and how far its images are apart.
  struct Place: Hashable {
    var slot: Int
    /// Floats from the slot's start.
    var offset = 0
    /// Floats from an image to the next.
    var imageStride: Int
  }

  private struct Slot {
    var count: Int
    var first: Int
    var last: Int
    /// The slot that this one is a part of, and where.
    var parent: (slot: Int, offset: Int)?
  }

  private var slots: [Slot] = []
  private(set) var offsets: [Int] = []
  /// Floats of the arena.
  private(set) var count = 0

  /// A slot of so many floats that step `step` writes.
  mutating func makeSlot(count: Int, at step: Int) -> Int {
    // Multiples of 16 floats keep every slot on cache lines of its own.
    slots.append(Slot(count: (count + 15) / 16 * 16, first: step, last: step, parent: nil))
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

  /// Floats of a slot, rounded up to cache lines.
  func count(of slot: Int) -> Int { slots[slot].count }

  /// Makes `slot` a part of `parent`, `offset` floats from its start.
  mutating func place(_ slot: Int, in parent: Int, at offset: Int) {
    let root = root(of: parent).slot
    slots[root].first = min(slots[root].first, slots[slot].first)
    slots[root].last = max(slots[root].last, slots[slot].last)
    slots[slot].parent = (parent, offset)
  }

  /// Keeps `slot` alive through `step`.
  mutating func use(_ slot: Int, at step: Int) {
    let root = root(of: slot).slot
    slots[root].first = min(slots[root].first, step)
    slots[root].last = max(slots[root].last, step)
  }

  /// Gives every slot its place.
  mutating func layOut() {
    let roots = slots.indices.filter { slots[$0].parent == nil }
    let layout = ArenaLayout(
      roots.map { .init(count: slots[$0].count, lifetime: slots[$0].first...slots[$0].last) })
    offsets = Array(repeating: 0, count: slots.count)
    for (slot, offset) in zip(roots, layout.offsets) { offsets[slot] = offset }
    for slot in slots.indices where slots[slot].parent != nil {
      let root = root(of: slot)
      offsets[slot] = offsets[root.slot] + root.offset
    }
    count = layout.count
  }

  /// Floats from the arena's start to a place.
  func offset(of place: Place) -> Int { offsets[place.slot] + place.offset }

  /// Floats that live while each step runs.
  func liveCounts(steps: Int) -> [Int] {
    var live = [Int](repeating: 0, count: steps)
    for slot in slots where slot.parent == nil {
      for step in max(slot.first, 0)...min(slot.last, steps - 1) where slot.first <= slot.last {
        live[step] += slot.count
      }
    }
    return live
  }
}
