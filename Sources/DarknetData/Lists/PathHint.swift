import DarknetSystem

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What a path that leads nowhere may have meant.
package enum PathHint {
  /// Advice in a few words if a likely spelling of `path` is there, or if the path is of a kind
  /// that is never read; nil without an idea. Looks at some files, and at the names of one folder.
  ///
  /// - Parameter list: the list that the path is in.
  package static func words(for path: String, in list: String? = nil) -> String? {
    let quotes: Set<Character> = ["\"", "'", "`"]
    let unquoted = String(
      path.drop { quotes.contains($0) }.reversed().drop { quotes.contains($0) }
        .reversed())
    if unquoted != path, !unquoted.isEmpty {
      return fileExists(unquoted)
        ? "it exists without the quotes: remove them" : "remove the quotes"
    }
    if let cut = cutShort(path) { return cut }
    if path.contains("\\") {
      let slashes = String(path.map { $0 == "\\" ? "/" : $0 })
      if fileExists(slashes) { return "with / instead of \\ it exists: change them" }
      return isWindows(path)
        ? "a Windows path: write it as it is on this machine" : "write / instead of \\"
    }
    if isWindows(path) { return "a Windows path: write it as it is on this machine" }
    if path.hasPrefix("~") { return "~ is not expanded: write the folder in full" }
    if path.hasPrefix("file://") { return "write it without file://" }
    if path.hasPrefix("http://") || path.hasPrefix("https://") {
      return "a web address: download the picture and write its path"
    }
    if path.hasPrefix("/") {
      let relative = String(path.drop { $0 == "/" })
      if !relative.isEmpty, fileExists(relative) {
        return "it exists without the first /: remove that"
      }
    } else if fileExists("/" + path) {
      return "it exists with a / before it: add that"
    }
    if let other = otherCase(path) { return "'\(other.shown())' exists: use that spelling" }
    for ending in [".jpg", ".png", ".jpeg", ".JPG"] where fileExists(path + ending) {
      return "'\((path + ending).shown())' exists: add the ending"
    }
    if let list, let slash = list.lastIndex(of: "/"), !path.hasPrefix("/") {
      let folder = String(list[..<slash])
      if fileExists("\(folder)/\(path)") {
        return "'\(folder.shown())/\(path.shown())' exists: run from the folder "
          + "'\(folder.shown())', or write the paths so"
      }
    }
    return nil
  }

  /// A path with more after it: boxes, as lists for Keras have them, or further paths.
  private static func cutShort(_ path: String) -> String? {
    let first = path.prefix { $0 != " " && $0 != "," && $0 != "\t" && $0 != ";" }
    guard first.count < path.count, !first.isEmpty, fileExists(String(first)) else { return nil }
    let rest = path[first.endIndex...].drop { " ,\t;".contains($0) }
    let second = rest.prefix { $0 != " " && $0 != "," && $0 != "\t" && $0 != ";" }
    if !second.isEmpty, fileExists(String(second)) {
      return "'\(String(first).shown())' exists: write one path per line"
    }
    return "'\(String(first).shown())' exists: write the path alone; boxes belong in a text file "
      + "of the picture's name"
  }

  private static func isWindows(_ path: String) -> Bool {
    let start = Array(path.prefix(3))
    return start.count == 3 && start[0].isLetter && start[1] == ":"
      && (start[2] == "\\" || start[2] == "/")
  }

  /// The file that differs from `path` in capitals only, each part of the path corrected.
  private static func otherCase(_ path: String) -> String? {
    var found = path.hasPrefix("/") ? "/" : ""
    for part in path.split(separator: "/") {
      let plain = found + part
      if fileExists(plain) {
        found = plain + "/"
        continue
      }
      guard let folder = opendir((found.isEmpty ? "." : found).cPath) else { return nil }
      defer { closedir(folder) }
      let wanted = part.lowercased()
      var name: String?
      while name == nil, let entry = readdir(folder) {
        let candidate = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
          String(
            rawBytes: UnsafeRawBufferPointer(
              start: pointer,
              count: strlen(
                UnsafeRawPointer(pointer).assumingMemoryBound(to: CChar.self))))
        }
        if candidate.lowercased() == wanted { name = candidate }
      }
      guard let name else { return nil }
      found += name + "/"
    }
    found.removeLast()
    return found == path ? nil : found
  }
}
