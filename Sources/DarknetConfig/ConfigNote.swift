import DarknetText

/// A line of a cfg or data file that has no effect, or not the one that was meant. Darknet says
/// little or nothing about such lines, and neither do they stop anything here.
package struct ConfigNote: Hashable, Sendable, CustomStringConvertible {
  /// What is the matter with the line.
  package enum Kind: Sendable {
    /// An option that an earlier line of the section gives already.
    case repeated
    /// An option that the section does not know.
    case unknown
    /// An option that Darknet's programs know and nothing here looks at.
    case withoutEffect
    /// An option whose value cannot be what was meant.
    case doubtful
  }

  /// As the user named it.
  package var file: String
  /// 1-based.
  package var line: Int
  /// Without brackets; nil outside any section.
  package var section: String?
  /// As the line spells it; nil for notes on a whole section.
  package var option: String?
  /// What is the matter with it.
  package var kind: Kind
  /// What is the matter, and what to do about it.
  package var text: String
  /// Whether the line is likely to be a mistake, as a doubled option with another value is.
  package var isFault: Bool

  package init(
    file: String, line: Int, section: String?, option: String?, kind: Kind, text: String,
    isFault: Bool = false
  ) {
    self.file = file
    self.line = line
    self.section = section
    self.option = option
    self.kind = kind
    self.text = text
    self.isFault = isFault
  }

  /// `yolo.cfg:5: [net] batch: ignored, …`.
  package var description: String {
    var place = "\(file):\(line):"
    if let section { place += " [\(section)]" }
    if let option { place += " \(option):" } else if section != nil { place += ":" }
    return "\(place) \(text)".shown(limit: 2000)
  }

  /// The notes with those of one option and kind in several sections as one, which counts them.
  package static func joined(_ notes: [ConfigNote]) -> [ConfigNote] {
    struct Key: Hashable {
      var section: String?
      var option: String?
      var kind: Kind
    }
    var result: [ConfigNote] = []
    var places: [Key: Int] = [:]
    var more: [Int: Int] = [:]
    for note in notes {
      let key = Key(section: note.section, option: note.option, kind: note.kind)
      if let place = places[key], note.option != nil, result[place].text == note.text {
        more[place, default: 0] += 1
      } else {
        places[key] = result.count
        result.append(note)
      }
    }
    for (place, count) in more {
      result[place].text += " (and in \(counted(count, "more section", "more sections")))"
    }
    return result
  }
}
