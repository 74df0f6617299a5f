/// What is wrong in a cfg, data, names or list file, and where.
public struct ConfigError: Error, Hashable, Sendable, CustomStringConvertible {
  /// As the user named it.
  public var file: String
  /// 1-based; nil if the fault is the file's as a whole.
  public var line: Int?
  /// Without brackets; nil outside any section.
  public var section: String?
  /// As the line spells it; nil for errors about something else.
  public var option: String?
  /// What should be there.
  public var expected: String
  /// What is there.
  public var found: String
  /// What the user can do about it.
  public var fix: String

  /// The facts; `description` makes a line of them.
  public init(
    file: String, line: Int? = nil, section: String? = nil, option: String? = nil,
    expected: String, found: String, fix: String
  ) {
    self.file = file
    self.line = line
    self.section = section
    self.option = option
    self.expected = expected
    self.found = found
    self.fix = fix
  }

  /// `yolo.cfg:182: [yolo] classes: expected …, found …; what to do`.
  public var description: String { "\(fault); \(fix)" }

  /// The same without what to do about it.
  public var fault: String {
    var place = file
    if let line { place += ":\(line)" }
    place += ":"
    if let section { place += " [\(section)]" }
    if let option { place += " \(option):" } else if section != nil { place += ":" }
    // What was found comes from outside, control characters and all.
    return "\(place) expected \(expected), found \(found)".shown(limit: 2000)
  }
}
