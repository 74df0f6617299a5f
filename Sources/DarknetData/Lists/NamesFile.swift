import DarknetSystem
import DarknetText

/// A `.names` or labels file: a class a line, the first being class 0.
package struct NamesFile: Sendable {
  package let path: String
  /// Blanks around a name are cut. An empty line inside the file is a class without a name, as
  /// the classes below it must keep their numbers; empty lines at the end are none. Any encoding
  /// goes: the bytes come out as they went in.
  package let names: [String]

  /// - Throws: `DataError` if the file cannot be read, is not text or has no name.
  package init(_ path: String) throws(DataError) {
    try self.init(TextFile(path))
  }

  /// From the bytes of a file; `name` is for errors.
  package init(text: some Collection<UInt8>, name: String) throws(DataError) {
    try self.init(TextFile(text, name: name))
  }

  private init(_ text: TextFile) throws(DataError) {
    try text.requireText("one class name per line")
    path = text.name
    var names: [String] = []
    text.forEachLine { _, line in names.append(String(rawBytes: line)) }
    while names.last?.isEmpty == true { names.removeLast() }
    guard !names.isEmpty else {
      throw .content(
        ConfigError(
          file: text.name, expected: "one class name per line", found: "an empty file",
          fix: "write the names into it"))
    }
    self.names = names
  }

  package var count: Int { names.count }

  /// The name of a class, or its number if the file has no such line.
  package subscript(classIndex: Int) -> String {
    names.indices.contains(classIndex) ? names[classIndex] : "\(classIndex)"
  }
}
