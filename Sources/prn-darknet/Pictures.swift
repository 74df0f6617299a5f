import Darknet
import DarknetCommandLine

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// How pictures go into a network.
enum Pictures {
  /// pjreddie's program letterboxes always, AlexeyAB's where the cfg or the flag asks.
  static func usesLetterbox(_ network: Network, _ arguments: Arguments) -> Bool {
    network.usesLetterbox || arguments[Flags.letterBox]
  }

  /// The picture in a file with the channels that `network` takes, its pixels and orientation as
  /// the network's dialect has them.
  ///
  /// - Throws: `ImageError` if it cannot be read.
  static func load(_ path: String, for network: Network) throws(ImageError) -> Bitmap {
    try PicturePreparation(for: network, fit: .stretch).load(path)
  }
}

/// The words of a command that looks at single pictures: DATA CFG [WEIGHTS] [IMAGE ...].
struct PictureWords {
  let data: String
  let cfg: String
  let weights: String?
  /// Pictures, folders, patterns, lists; none for those that standard input names.
  let images: [String]

  /// Folder of the data file, if it was found elsewhere than where it was looked for.
  private var foundIn: String?

  /// - Parameters:
  ///   - data: the data file where it is not a word of its own: CFG WEIGHTS [IMAGE ...].
  ///   - command: that takes a data file instead.
  /// - Throws: `UsageError` for a data file where `data` is fixed, `ConfigError` if that is nowhere.
  init(_ arguments: Arguments, data fixed: String? = nil, command: String = "") throws {
    cfg = arguments[Words.cfg]
    images = arguments[Words.images]
    guard let fixed else {
      data = arguments[Words.data]
      weights = arguments[Words.optionalWeights]
      return
    }
    let needed = arguments[Words.weights]
    weights = needed
    if let file = ([cfg, needed] + images).first(where: { $0.hasSuffix(".data") }) {
      throw UsageError(
        "'\(file)': expected no data file, as this command reads \(fixed), found one; use "
          + "'\(command) \(file) CFG WEIGHTS [IMAGE ...]'")
    }
    (data, foundIn) = try Self.find(fixed, besides: cfg, command)
  }

  /// The data file in the current folder, beside the cfg, or where the program is installed.
  private static func find(
    _ wanted: String, besides cfg: String, _ command: String
  ) throws -> (String, foundIn: String?) {
    if fileExists(wanted) { return (wanted, nil) }
    let name = wanted.split(separator: "/").last.map(String.init) ?? wanted
    let folders = [Folder.path(ofFile: cfg), Folder.installedCfgs]
    guard let folder = folders.first(where: { fileExists("\($0)/\(name)") }) else {
      throw ConfigError(
        file: wanted,
        expected: "the data file of this command, here, beside \(cfg) or in "
          + Folder.installedCfgs, found: "none",
        fix: "name your own with 'prn-darknet \(command) DATA CFG WEIGHTS [IMAGE ...]'")
    }
    Console.error("reading \(folder)/\(name), as there is no \(wanted) here\n")
    return ("\(folder)/\(name)", folder)
  }

  /// The names of the data file, which are beside it if it was found elsewhere.
  func names(_ file: DataFile) throws -> NamesFile {
    try names(file, key: file.path("names") == nil ? nil : "names")
  }

  /// - Parameter key: of the data file; nil for its default.
  func names(_ file: DataFile, key: String?) throws -> NamesFile {
    if let foundIn, let key, let path = file.path(key), !fileExists(path) {
      let name = path.split(separator: "/").last.map(String.init) ?? path
      if fileExists("\(foundIn)/\(name)") { return try NamesFile("\(foundIn)/\(name)") }
    }
    return try file.names(key ?? "names")
  }
}

extension Folder {
  /// Where 'make install' puts cfgs and their data files.
  static var installedCfgs: String {
    var program = "."
    if let resolved = realpath("/proc/self/exe", nil) {
      program = String(rawBytes: UnsafeRawBufferPointer(start: resolved, count: strlen(resolved)))
      free(resolved)
    }
    let prefix = path(ofFile: path(ofFile: program))
    return (prefix == "/" ? "" : prefix) + "/share/prn-darknet/cfg"
  }

  /// The folder that a file is in.
  static func path(ofFile path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// The names in a folder, hidden ones left out, in no order.
  ///
  /// - Throws: `FileError` if it cannot be read.
  static func names(in path: String) throws -> [String] {
    guard let folder = opendir(path.cPath) else { throw FileError(.open, path, code: errno) }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        String(rawBytes: bytes.prefix { $0 != 0 })
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names
  }

  /// Whether nothing would be written over there. What is no folder, or cannot be read, is left to
  /// whoever writes.
  static func isEmptyOrMissing(_ path: String) -> Bool {
    guard let folder = opendir(path.cPath) else { return true }
    defer { closedir(folder) }
    while let entry = readdir(folder) {
      let isHidden = withUnsafeBytes(of: entry.pointee.d_name) { $0[0] == UInt8(ascii: ".") }
      if !isHidden { return false }
    }
    return true
  }
}
