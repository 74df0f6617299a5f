import Darknet

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Files that a command is to write.
package enum Output {
  /// A result must not take the place of a file that it is made from, by whatever name or link.
  ///
  /// - Parameter name: of the argument, for the message.
  /// - Throws: `UsageError` if `path` leads to one of the `inputs`.
  package static func check(_ path: String, _ name: String, isNoneOf inputs: [String]) throws {
    guard let file = identity(path), let input = inputs.first(where: { identity($0) == file })
    else { return }
    throw UsageError(
      "\(name): expected a file of its own, found '\(path)', "
        + (path == input ? "" : "the same file as '\(input)', ")
        + "which is read and would be lost; name another file")
  }

  /// Whether two paths lead to the same file or folder.
  package static func isSame(_ a: String, _ b: String) -> Bool {
    guard let first = identity(a), let second = identity(b) else { return false }
    return first == second
  }

  /// A tool that writes weights replaces weights, as scripts have it, but no file of another kind:
  /// a word in the wrong place would cost a picture or a cfg.
  ///
  /// - Throws: `UsageError` if `path` is a file that does not begin as weights do.
  package static func checkReplacesWeights(
    _ path: String, _ name: String, force: Bool
  ) throws {
    guard identity(path) != nil, !force,
      let file = try? MappedFile(path), !file.bytes.isEmpty
    else { return }
    let isWeights = withExtendedLifetime(file) {
      // Version numbers, which are small in any program's weights.
      file.bytes.count >= 16 && file.bytes[1] == 0 && file.bytes[2] == 0 && file.bytes[3] == 0
        && file.bytes[0] < 32 && file.bytes[5] == 0 && file.bytes[6] == 0 && file.bytes[7] == 0
    }
    guard !isWeights else { return }
    throw UsageError(
      "\(name): expected a new file or weights to replace, found that '\(path)' is another kind of "
        + "file; name another one, or overwrite it with -force")
  }

  /// - Throws: `UsageError` if there is a file already, without -force.
  package static func checkIsNew(_ path: String, _ name: String, force: Bool) throws {
    guard identity(path) != nil, !force else { return }
    throw UsageError(
      "\(name): expected a new file, found that '\(path)' exists; name another one, or "
        + "overwrite it with -force")
  }

  /// What a path leads to; nil if there is nothing. Devices and pipes can be both ends.
  private static func identity(_ path: String) -> [UInt64]? {
    var status = stat()
    guard !path.utf8.contains(0), stat(path.cPath, &status) == 0,
      [S_IFREG, S_IFDIR].contains(status.st_mode & S_IFMT)
    else { return nil }
    return [UInt64(truncatingIfNeeded: status.st_dev), UInt64(truncatingIfNeeded: status.st_ino)]
  }
}
