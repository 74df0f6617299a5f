/// Of boxes that cover each other, keeps the most probable, class by class.
///
/// For each class in turn the boxes are put into descending order of that class' probability, ties
/// in the order they were in; then, from the first on, each box that still has a probability sets
/// that of every later box to 0 if their overlap is *above* the threshold:
///
/// | kind | overlap | threshold applies to |
/// |---|---|---|
/// | standard, corners | IoU | IoU |
/// | greedy | IoU - (d²/c²)^0.6 | see `Box.diou` |
/// | distance | IoU - (d²/c²)^beta | see `Box.diou` |
///
/// Sorting moves whole detections, so the set ends in the order that the last class left, with
/// the earlier classes' order among its ties. Detections of objectness 0 are dropped first, each
/// replaced by the last of the set (Darknet swaps them to the end).
package struct NonMaximumSuppression: Hashable, Sendable {
  /// Values of cfg option `nms_kind`.
  package enum Kind: String, CaseIterable, Sendable {
    case standard = "default"
    case greedy = "greedynms"
    case distance = "diounms"
    case corners = "cornersnms"
  }

  package var kind: Kind
  /// Overlap that is still tolerated; Darknet's `-nms`.
  package var threshold: Float
  /// Exponent of `distance`; cfg option `beta_nms`.
  package var beta: Float

  package init(threshold: Float, kind: Kind = .standard, beta: Float = Box.distanceExponent) {
    self.threshold = threshold
    self.kind = kind
    self.beta = beta
  }

  /// Suppresses class by class.
  ///
  /// Work: one pass over the probabilities, then a sort and pairwise overlaps a class among the
  /// boxes that have any. The others need no look: all have the same key, 0, and a stable sort
  /// leaves equal keys as they are, after the positive ones.
  package func apply(to detections: inout DetectionSet) {
    Self.dropEmpty(&detections)
    let (count, classCount) = (detections.count, detections.classCount)
    guard count > 0, classCount > 0 else { return }

    let members = ClassMembers(detections)
    var order = Array(0..<count)
    var place = order
    var taken = [Bool](repeating: false, count: count)
    var next: [Int] = []
    next.reserveCapacity(count)
    for number in 0..<classCount where !members[number].isEmpty {
      let sorted = Self.descending(
        members[number].map { id in
          (id: id, value: detections.probability(id, class: number), place: place[id])
        })
      let zeroFrom = sorted.firstIndex { !($0.value > 0) } ?? sorted.count
      for entry in sorted { taken[entry.id] = true }
      next.removeAll(keepingCapacity: true)
      for entry in sorted[..<zeroFrom] { next.append(entry.id) }
      for id in order where !taken[id] { next.append(id) }
      for entry in sorted[zeroFrom...] { next.append(entry.id) }
      for entry in sorted { taken[entry.id] = false }
      swap(&order, &next)
      for (index, id) in order.enumerated() { place[id] = index }

      let lost = suppressed(sorted.map { detections.boxes[$0.id] })
      detections.withScores { _, probabilities in
        for index in lost { probabilities[sorted[index].id * classCount + number] = 0 }
      }
    }
    detections.reorder(order)
  }

  /// Suppresses whole boxes by their objectness, whatever their class, as `detector recall` does:
  /// sets objectness and all probabilities of a loser to 0. The order is by objectness before.
  package func applyByObjectness(to detections: inout DetectionSet) {
    Self.dropEmpty(&detections)
    let sorted = Self.descending(
      detections.indices.map {
        (id: $0, value: detections.objectness[$0], place: $0)
      })
    detections.reorder(sorted.map(\.id))
    let lost = suppressed(detections.boxes)
    let classCount = detections.classCount
    detections.withScores { objectness, probabilities in
      for index in lost {
        objectness[index] = 0
        probabilities[index * classCount..<(index + 1) * classCount].update(repeating: 0)
      }
    }
  }

  /// Indices of the boxes that an earlier one, itself not suppressed, covers beyond the threshold.
  private func suppressed(_ boxes: [Box]) -> [Int] {
    let exponent: Float? =
      switch kind {
      case .standard, .corners: nil
      case .greedy: Box.distanceExponent
      case .distance: beta
      }
    var lost: [Int] = []
    var alive = [Bool](repeating: true, count: boxes.count)
    boxes.withUnsafeBufferPointer { boxes in
      alive.withUnsafeMutableBufferPointer { alive in
        for i in boxes.indices where alive[i] {
          let first = boxes[i]
          for j in i &+ 1..<boxes.count where alive[j] {
            let iou = Box.iou(first, boxes[j])
            // The distance only lowers the overlap, so most pairs need no power.
            guard iou > threshold else { continue }
            if let exponent,
              !(iou - Box.distancePenalty(first, boxes[j], exponent: exponent) > threshold)
            {
              continue
            }
            alive[j] = false
            lost.append(j)
          }
        }
      }
    }
    return lost
  }

  /// Drops detections of objectness 0, filling each gap from the end.
  private static func dropEmpty(_ detections: inout DetectionSet) {
    guard detections.objectness.contains(0) else { return }
    var order = Array(detections.indices)
    var index = 0
    while index < order.count {
      if detections.objectness[order[index]] == 0 {
        order.swapAt(index, order.count - 1)
        order.removeLast()
      } else {
        index += 1
      }
    }
    detections.reorder(order)
  }

  private typealias Entry = (id: Int, value: Float, place: Int)

  /// Entries by descending value, ties by place; NaN last, so that the order is total.
  private static func descending(_ entries: [Entry]) -> [Entry] {
    entries.sorted { a, b in
      if a.value > b.value { return true }
      if a.value < b.value { return false }
      if a.value.isNaN != b.value.isNaN { return b.value.isNaN }
      return a.place < b.place
    }
  }
}

/// For each class the detections whose probability is not 0, ascending.
private struct ClassMembers {
  private var starts: [Int]
  private var ids: [Int]

  init(_ detections: DetectionSet) {
    let classCount = detections.classCount
    var starts = [Int](repeating: 0, count: classCount + 1)
    var ids: [Int] = []
    detections.probabilities.withUnsafeBufferPointer { rows in
      for row in 0..<detections.count {
        for number in 0..<classCount where rows[row &* classCount &+ number] != 0 {
          starts[number &+ 1] &+= 1
        }
      }
      for number in 0..<classCount { starts[number + 1] += starts[number] }
      ids = [Int](repeating: 0, count: starts[classCount])
      var next = starts
      for row in 0..<detections.count {
        for number in 0..<classCount where rows[row &* classCount &+ number] != 0 {
          ids[next[number]] = row
          next[number] &+= 1
        }
      }
    }
    self.starts = starts
    self.ids = ids
  }

  subscript(number: Int) -> ArraySlice<Int> { ids[starts[number]..<starts[number + 1]] }
}
