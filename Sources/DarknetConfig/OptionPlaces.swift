import DarknetText

/// The lines of some options, for errors that are found long after the section was read.
package struct OptionPlaces: Hashable, Sendable {
  /// Without brackets.
  package var section: String?
  /// The line of each option that is given.
  package var lines: [String: Int] = [:]

  package init() {}

  /// - Throws: `ConfigError` at the option's line if `value` is outside of `range`.
  package func check(
    _ key: String, _ value: Float, in range: ClosedRange<Float>, file: String
  ) throws(ConfigError) {
    guard !range.contains(value) else { return }
    func shown(_ number: Float) -> String { general(Double(number)) }
    throw ConfigError(
      file: file, line: lines[key], section: section, option: key,
      expected: "a number in \(shown(range.lowerBound))...\(shown(range.upperBound))",
      found: "\(shown(value))", fix: "change it or drop the line")
  }
}

extension OptionReader {
  /// The lines of these options, as far as they are there.
  package func places(_ keys: String...) -> OptionPlaces {
    var places = OptionPlaces()
    places.section = section.name
    for key in keys {
      if let option = section.options.first(where: { $0.key == key }) {
        places.lines[key] = option.line
      }
    }
    return places
  }
}
