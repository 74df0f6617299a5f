import DarknetConfig
import DarknetGeometry
import DarknetSystem
import DarknetText

/// The shape that a head expects of its boxes, as width and height.
package struct Anchor: Hashable, Sendable {
  package var width: Float
  package var height: Float

  package init(width: Float, height: Float) {
    self.width = width
    self.height = height
  }

  /// What Darknet takes for anchors that the cfg does not give.
  static let unknown = Anchor(width: 0.5, height: 0.5)
}

// Options that several heads read alike.
extension OptionReader {
  /// One of the values of `Choice`, by its raw value.
  ///
  /// - Throws: `ConfigError` for any other (Darknet takes one of its own choice).
  mutating func choice<Choice: RawRepresentable & CaseIterable>(
    _ key: String, default fallback: Choice
  ) throws(ConfigError) -> Choice where Choice.RawValue == String {
    guard let name = try string(key) else { return fallback }
    if let choice = Choice(rawValue: name) { return choice }
    let names = Choice.allCases.map(\.rawValue)
    throw error(
      key, expected: "one of \(names.joined(separator: ", "))", found: "'\(name)'",
      fix: nearestName(to: name, among: names).map { "did you mean '\($0)'?" }
        ?? "change it or drop the line")
  }

  /// `anchors=`: width and height of `count` boxes; numbers after those are ignored.
  ///
  /// - Throws: `ConfigError` if there are fewer, or one is not above 0.
  mutating func anchors(count: Int) throws(ConfigError) -> [Anchor] {
    guard let numbers = try floats("anchors") else {
      return Array(repeating: .unknown, count: count)
    }
    guard numbers.count >= 2 * count else {
      throw error(
        "anchors", expected: "\(2 * count) numbers, width and height of \(count) anchors",
        found: "\(numbers.count)", fix: "complete the list or change num=")
    }
    if let wrong = numbers.prefix(2 * count).first(where: { !($0 > 0) }) {
      throw error(
        "anchors", expected: "numbers above 0", found: "\(general(Double(wrong)))",
        fix: "fix the list")
    }
    return (0..<count).map { Anchor(width: numbers[2 * $0], height: numbers[2 * $0 + 1]) }
  }

  /// `mask=`: which of the `count` anchors are this head's; all of them by default.
  mutating func anchorMask(count: Int) throws(ConfigError) -> [Int] {
    guard let mask = try ints("mask") else { return Array(0..<count) }
    if let wrong = mask.first(where: { !(0..<count).contains($0) }) {
      throw error(
        "mask", expected: "indices of anchors in 0...\(count - 1), as num=\(count)",
        found: "\(wrong)", fix: "change mask= or num=")
    }
    return mask
  }

  /// `map=`: a file of whole numbers, the head's class for each class of the labels.
  ///
  /// - Throws: `ConfigError` if it cannot be read or names a class that the head does not have.
  mutating func classMap(
    classes: Int, at site: LayerSite
  ) throws(ConfigError) -> [Int]? {
    guard let path = try path("map") else { return nil }
    guard let bytes = site.readFile(path) else {
      throw error(
        "map", expected: "a file of class numbers", found: "no readable file '\(path)'",
        fix: "check the path; it starts from the working directory")
    }
    var map: [Int] = []
    let lines = bytes.split(separator: UInt8(ascii: "\n"))
    for (index, line) in lines.enumerated() {
      let text = String(rawBytes: line).trimmingBlanks()
      guard let number = Number.int(text), (0..<classes).contains(number) else {
        throw error(
          "map", expected: "a class in 0...\(classes - 1) in line \(index + 1) of '\(path)'",
          found: "'\(text)'", fix: "fix that file or change classes=")
      }
      map.append(number)
    }
    return map
  }

  /// Checks that the input has the channels that the head splits up.
  ///
  /// - Parameter formula: where the number comes from: `(classes 80 + 5) * anchors 3`.
  /// - Throws: `ConfigError` that says which `filters=` to change.
  func checkHeadInput(
    at site: LayerSite, channels needed: Int, formula: String
  ) throws(ConfigError) {
    let found = site.inputShape.channels
    guard found != needed else { return }
    throw error(
      nil, expected: "an input of \(needed) channels, \(formula)",
      found: "\(found) (filters= in the [convolutional]-layer doesn't correspond to classes= "
        + "or mask= in [\(section.name)]-layer)",
      fix: "\(Self.filtersFix(at: site, needed))\(Self.laterFixes(at: site)), or change this "
        + "section's classes= and mask=")
  }

  /// The same for heads further down, so that they are not found one by one.
  private static func laterFixes(at site: LayerSite) -> String {
    var fixes = ""
    for (before, section) in zip(site.laterSections, site.laterSections.dropFirst()) {
      guard before.name == "convolutional", let head = HeadSection(section) else { continue }
      let filters = before.options.first { $0.key == "filters" }
      guard filters?.value.flatMap({ Number.int($0) }) != head.inputChannels else { continue }
      fixes +=
        ", and filters=\(head.inputChannels) in line \(filters?.line ?? before.line) for "
        + "[\(head.name)] of line \(head.line)"
    }
    return fixes
  }

  /// What to change in the layer before.
  private static func filtersFix(at site: LayerSite, _ needed: Int) -> String {
    guard let layer = site.previous.last as? ConvolutionalLayer else {
      return "give the layer before it \(needed) channels"
    }
    let place = "[\(type(of: layer).name)], layer \(site.index - 1)"
    guard let section = site.previousSections.last else {
      return "set filters=\(needed) in \(place)"
    }
    let line = section.options.first { $0.key == "filters" }?.line ?? section.line
    return "set filters=\(needed) in line \(line), \(place)"
  }
}
