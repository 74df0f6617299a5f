import DarknetSystem
import DarknetText

/// A list of pictures: one path per line, relative to the current folder.
///
/// Blanks inside a path belong to it, those around it do not. Lines may end in LF, CR LF or CR;
/// empty ones are skipped (Darknet draws again when it meets one) and counted.
package struct ListFile: Sendable {
  /// The list's own path.
  package let path: String
  /// In the order of the file, duplicates included: they are drawn more often.
  package let pictures: [String]
  /// Line of each picture, from 1.
  package let lines: [Int]
  package let emptyLineCount: Int
  /// Empty lines.
  package let problems: [DataProblem]

  /// - Throws: `DataError` if the file cannot be read, is not text or names no picture.
  package init(_ path: String) throws(DataError) {
    try self.init(TextFile(path))
  }

  /// From the bytes of a file; `name` is for errors.
  package init(text: some Collection<UInt8>, name: String) throws(DataError) {
    try self.init(TextFile(text, name: name))
  }

  /// Pictures that are in no file; `name` is for errors.
  package init(pictures: [String], name: String) {
    path = name
    self.pictures = pictures
    lines = Array(1..<pictures.count + 1)
    emptyLineCount = 0
    problems = []
  }

  private init(_ text: TextFile) throws(DataError) {
    try text.requireText("one picture path per line")
    var pictures: [String] = []
    var lines: [Int] = []
    var empty = 0
    var problems: [DataProblem] = []
    text.forEachLine { number, line in
      if line.isEmpty {
        empty += 1
      } else {
        pictures.append(String(rawBytes: line))
        lines.append(number)
      }
    }
    if empty > 0 { problems.append(DataProblem(text.name, .emptyLines(empty))) }
    guard !pictures.isEmpty else {
      throw .content(
        ConfigError(
          file: text.name, expected: "one picture path per line",
          found: empty > 0 ? "empty lines only" : "an empty file",
          fix: "list the pictures, for instance with 'ls -1 folder/*.jpg'"))
    }
    path = text.name
    self.pictures = pictures
    self.lines = lines
    emptyLineCount = empty
    self.problems = problems
  }

  package var count: Int { pictures.count }

  /// Places in `pictures` of paths that are there already, each with the first of its kind.
  package func duplicates() -> [(first: Int, again: Int)] {
    var seen: [String: Int] = [:]
    seen.reserveCapacity(count)
    var found: [(first: Int, again: Int)] = []
    for (index, picture) in pictures.enumerated() {
      if let first = seen[picture] {
        found.append((first, index))
      } else {
        seen[picture] = index
      }
    }
    return found
  }
}
