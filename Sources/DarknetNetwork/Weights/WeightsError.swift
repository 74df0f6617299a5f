/// What is wrong with a weights file, and at which byte.
public struct WeightsError: Error, Hashable, Sendable, CustomStringConvertible {
  /// As the user named it.
  public var file: String
  /// Where in the file, from 0.
  public var byte: Int
  /// `layer 20 [convolutional] weights`, if it is about one.
  public var place: String?
  /// What should be there.
  public var expected: String
  /// What is there.
  public var found: String
  /// What the user can do about it.
  public var fix: String

  /// The facts; `description` makes a line of them.
  public init(
    file: String, byte: Int, place: String? = nil, expected: String, found: String, fix: String
  ) {
    self.file = file
    self.byte = byte
    self.place = place
    self.expected = expected
    self.found = found
    self.fix = fix
  }

  public var description: String {
    let place = place.map { " \($0):" } ?? ""
    return "\(file.shown(limit: 5000)): byte \(byte):\(place) expected \(expected), "
      + "found \(found); \(fix)"
  }
}
