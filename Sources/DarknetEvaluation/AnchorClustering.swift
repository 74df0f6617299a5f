import DarknetGeometry
import DarknetText

/// Finds anchors: k-means on the sizes of objects, with 1 - IoU of two boxes at the origin as
/// distance (Redmon and Farhadi 2017, section 2).
///
/// As AlexeyAB's `calc_anchors` it starts from objects drawn at random, moves each centre to the
/// mean of its objects, and stops when none changes sides or after 1000 rounds. As the result
/// depends on the start, several starts are tried and the best is kept; the same seed gives the
/// same anchors.
package struct AnchorClustering: Sendable {
  /// Width and height, in the units of the points given.
  package struct Size: Hashable, Sendable {
    package var width: Float
    package var height: Float

    package init(width: Float, height: Float) {
      self.width = width
      self.height = height
    }

    package var area: Float { width * height }

    /// IoU of two boxes of these sizes with a common corner.
    package static func iou(_ a: Size, _ b: Size) -> Float {
      let common = min(a.width, b.width) * min(a.height, b.height)
      return common / (a.area + b.area - common)
    }
  }

  /// Ascending by area.
  package let anchors: [Size]
  /// For each point given, the index of its anchor; nil for points that were left out.
  package let members: [Int?]
  /// Mean over the points of the overlap with their anchor.
  package let averageIoU: Double
  /// Rounds that the best start took.
  package let iterations: Int
  /// Points left out, since their size is not positive or not finite.
  package let unusable: Int

  /// - Parameters:
  ///   - points: sizes of objects, usually in pixels of the network's input.
  ///   - clusters: how many anchors, at least 1.
  ///   - attempts: random starts, at least 1.
  /// - Returns: nil if no point can be used. With fewer different points than clusters some
  ///   anchors are equal.
  package init?(
    points: [Size], clusters: Int, attempts: Int = 10,
    using generator: inout some RandomNumberGenerator
  ) {
    precondition(clusters > 0 && attempts > 0, "at least one cluster and one attempt")
    let usable = points.indices.filter {
      let point = points[$0]
      return point.width > 0 && point.height > 0 && point.area > 0 && point.area.isFinite
    }
    guard !usable.isEmpty else { return nil }
    let sizes = usable.map { points[$0] }
    var best: Clusters?
    for _ in 0..<attempts {
      let centres = (0..<clusters).map { _ in
        sizes[Int(generator.next() % UInt64(sizes.count))]
      }
      let found = Clusters(sizes, centres: centres)
      if best.map({ found.averageIoU > $0.averageIoU }) ?? true { best = found }
      // One cluster has one result.
      if clusters == 1 { break }
    }
    guard let best else { return nil }
    let order = best.centres.indices.sorted {
      (best.centres[$0].area, $0) < (best.centres[$1].area, $1)
    }
    anchors = order.map { best.centres[$0] }
    var place = [Int](repeating: 0, count: clusters)
    for (index, centre) in order.enumerated() { place[centre] = index }
    var members = [Int?](repeating: nil, count: points.count)
    for (index, point) in usable.enumerated() { members[point] = place[best.owners[index]] }
    self.members = members
    averageIoU = best.averageIoU
    iterations = best.iterations
    unusable = points.count - usable.count
  }

  /// Which anchors each head should take: `masks[i]` for a head of stride `strides[i]`, ascending.
  ///
  /// All heads get the same number, so that all need the same `filters=`: the coarsest head the
  /// largest anchors. Of a number that is not a multiple of the heads' the coarsest get one more.
  ///
  /// - Parameter strides: positive; pixels of the network's input per cell.
  package func masks(strides: [Int]) -> [[Int]] {
    // Heads from fine to coarse take ranges of the sorted anchors.
    let heads = strides.indices.sorted { (strides[$0], $0) < (strides[$1], $1) }
    var masks = [[Int]](repeating: [], count: strides.count)
    var start = 0
    for (position, head) in heads.enumerated() {
      let coarser = heads.count - position
      let length = (anchors.count - start) / coarser
      masks[head] = Array(start..<start + length)
      start += length
    }
    return masks
  }

  /// The list as AlexeyAB prints it and writes it to `anchors.txt`: whole pixels for networks wider
  /// than 32, else four decimals (anchors in cells, as `[region]` wants them).
  package func text(networkWidth: Int) -> String {
    func number(_ value: Float) -> String {
      networkWidth > 32
        ? fixed(Double(value), decimals: 0, width: 3) : fixed(Double(value), decimals: 4)
    }
    return anchors.map { "\(number($0.width)),\(number($0.height))" }.joined(separator: ", ")
  }
}

/// The result of one start.
private struct Clusters {
  typealias Size = AnchorClustering.Size

  var centres: [Size]
  var owners: [Int]
  var iterations = 0
  var averageIoU = 0.0
  private var overlaps: [Float]

  init(_ points: [Size], centres: [Size]) {
    self.centres = centres
    owners = [Int](repeating: -1, count: points.count)
    overlaps = [Float](repeating: 0, count: points.count)
    var hasChanged = assign(points)
    while hasChanged, iterations < 1000 {
      update(points)
      iterations += 1
      hasChanged = assign(points)
    }
    averageIoU = overlaps.reduce(0) { $0 + Double($1) } / Double(points.count)
  }

  /// Gives every point to the centre that it overlaps most, the first of equals.
  private mutating func assign(_ points: [Size]) -> Bool {
    var hasChanged = false
    centres.withUnsafeBufferPointer { centres in
      points.withUnsafeBufferPointer { points in
        owners.withUnsafeMutableBufferPointer { owners in
          overlaps.withUnsafeMutableBufferPointer { overlaps in
            for index in points.indices {
              let point = points[index]
              var best = 0
              var highest: Float = -1
              for number in centres.indices {
                let iou = Size.iou(point, centres[number])
                if iou > highest {
                  highest = iou
                  best = number
                }
              }
              hasChanged = hasChanged || owners[index] != best
              owners[index] = best
              overlaps[index] = highest
            }
          }
        }
      }
    }
    return hasChanged
  }

  /// Moves every centre to the mean of its points. A centre without any goes to the point that
  /// its own centre fits worst.
  private mutating func update(_ points: [Size]) {
    var sums = [(width: Double, height: Double, count: Int)](
      repeating: (0, 0, 0), count: centres.count)
    for (point, owner) in zip(points, owners) {
      sums[owner].width += Double(point.width)
      sums[owner].height += Double(point.height)
      sums[owner].count += 1
    }
    for (number, sum) in sums.enumerated() {
      if sum.count > 0 {
        centres[number] = Size(
          width: Float(sum.width / Double(sum.count)), height: Float(sum.height / Double(sum.count))
        )
      } else if let worst = overlaps.indices.min(by: { overlaps[$0] < overlaps[$1] }) {
        centres[number] = points[worst]
        // Not again for the next centre without points.
        overlaps[worst] = 1
      }
    }
  }
}
