import DarknetConfig
import DarknetSystem
import DarknetText

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A hierarchy of classes (Redmon and Farhadi 2017, section 4): each class is a node whose
/// probability is given that its parent holds.
///
/// The file of a `tree=` option has a line `NAME PARENT` per class; the parent is an earlier
/// line's number, counted from 0, or -1. Lines with the same parent that follow one another are a
/// group, whose classes exclude each other: their probabilities are one softmax.
package struct ClassTree: Hashable, Sendable {
  package let names: [String]
  /// Of each class: its parent, -1 for a root.
  package let parents: [Int]
  /// Classes that exclude each other, in the order of the file.
  package let groups: [Range<Int>]
  /// Of each class: the group of its children, nil for a leaf.
  package let childGroup: [Int?]

  package var count: Int { parents.count }
  package func isLeaf(_ index: Int) -> Bool { childGroup[index] == nil }

  /// - Throws: `ConfigError` at the line of `file` that is wrong.
  package init(text: some Collection<UInt8>, file: String) throws(ConfigError) {
    var names: [String] = []
    var parents: [Int] = []
    var groups: [Range<Int>] = []
    for (index, line) in text.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated()
    {
      let words = line.split { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
        .map { String(rawBytes: $0) }
      if words.isEmpty { continue }
      guard words.count == 2, let parent = Int(words[1]), (-1..<parents.count).contains(parent)
      else {
        throw ConfigError(
          file: file, line: index + 1,
          expected: "a name and the number of an earlier class, or -1",
          found: "'\(words.joined(separator: " "))'", fix: "fix the line")
      }
      if parent == parents.last, let last = groups.indices.last {
        groups[last] = groups[last].lowerBound..<parents.count + 1
      } else {
        groups.append(parents.count..<parents.count + 1)
      }
      names.append(words[0])
      parents.append(parent)
    }
    guard !parents.isEmpty else {
      throw ConfigError(
        file: file, expected: "a line 'NAME PARENT' per class", found: "none",
        fix: "check that the right file was named")
    }
    var childGroup = [Int?](repeating: nil, count: parents.count)
    for (index, group) in groups.enumerated() where parents[group.lowerBound] >= 0 {
      childGroup[parents[group.lowerBound]] = index
    }
    self.names = names
    self.parents = parents
    self.groups = groups
    self.childGroup = childGroup
  }

  /// Softmax within each group.
  ///
  /// - Parameter stride: distance between the values of successive classes.
  package func softmax(
    _ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, temperature: Float = 1,
    stride: Int = 1
  ) {
    for group in groups {
      let first = group.lowerBound * stride
      Softmax.apply(
        x + first, to: y + first, count: group.count, stride: stride, temperature: temperature)
    }
  }

  /// Makes of conditional probabilities absolute ones: p[j] *= p[parent of j], roots first.
  ///
  /// - Parameter onlyLeaves: inner classes become 0 afterwards.
  package func multiplyAlongPaths(
    _ p: UnsafeMutablePointer<Float>, onlyLeaves: Bool, stride: Int = 1
  ) {
    for j in 0..<count where parents[j] >= 0 { p[j * stride] *= p[parents[j] * stride] }
    guard onlyLeaves else { return }
    for j in 0..<count where !isLeaf(j) { p[j * stride] = 0 }
  }

  /// What training compares conditional probabilities with: the parents of true classes are true,
  /// and groups without a true class are left out, as nothing is known about them.
  ///
  /// - Parameter shares: a share a class, 1 in all.
  package func truth(of shares: [Float]) -> [Float] {
    var truth = shares
    // Parents come before their children.
    for j in (0..<count).reversed() where parents[j] >= 0 && truth[j] > 0 {
      truth[parents[j]] = min(1, truth[parents[j]] + truth[j])
    }
    for group in groups where group.allSatisfy({ truth[$0] == 0 }) {
      for j in group { truth[j] = CostLayer.leftOut }
    }
    return truth
  }

  /// The absolute probability of a class, from conditional ones.
  package func probability(
    of index: Int, _ p: UnsafePointer<Float>, stride: Int = 1
  ) -> Float {
    var (result, node): (Float, Int) = (1, index)
    while node >= 0 {
      result *= p[node * stride]
      node = parents[node]
    }
    return result
  }

  /// The class that is reached by following the likeliest child while the absolute probability
  /// stays above `threshold`; the likeliest root if not even that one is above it.
  package func best(_ p: UnsafePointer<Float>, threshold: Float, stride: Int = 1) -> Int {
    func likeliest(_ group: Range<Int>) -> Int {
      group.dropFirst().reduce(group.lowerBound) { p[$1 * stride] > p[$0 * stride] ? $1 : $0 }
    }
    var found = likeliest(groups[0])
    var probability = p[found * stride]
    while probability > threshold, let next = childGroup[found] {
      let child = likeliest(groups[next])
      probability *= p[child * stride]
      if probability <= threshold { break }
      found = child
    }
    return found
  }
}

/// e^((x - max) / T) over its sum.
package enum Softmax {
  package static func apply(
    _ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, count: Int, stride: Int = 1,
    temperature: Float = 1
  ) {
    var largest = -Float.infinity
    for i in 0..<count { largest = max(largest, x[i &* stride]) }
    var sum: Float = 0
    for i in 0..<count {
      let value = expf((x[i &* stride] - largest) / temperature)
      sum += value
      y[i &* stride] = value
    }
    for i in 0..<count { y[i &* stride] /= sum }
  }
}

extension OptionReader {
  /// The class tree that an option names; nil if the option is absent.
  ///
  /// - Throws: `ConfigError` if the file cannot be opened or a line of it is wrong.
  mutating func classTree(
    _ key: String = "tree", at site: LayerSite
  ) throws(ConfigError) -> ClassTree? {
    guard let path = try path(key) else { return nil }
    guard let text = site.readFile(path) else {
      throw error(
        key, expected: "a file with a line 'NAME PARENT' per class",
        found: "'\(path)', which cannot be opened", fix: "check the path")
    }
    return try ClassTree(text: text, file: path)
  }
}
