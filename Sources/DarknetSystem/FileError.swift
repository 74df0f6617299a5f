#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A file that the operating system would not open, read or write: input or output, not content.
public struct FileError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What was tried, in the words of the message.
  public enum Action: String, Sendable {
    /// On the file itself.
    case open, read, create, write, flush, replace
    /// On a folder.
    case makeFolder = "make"
  }

  /// As the user named it.
  public let path: String
  /// What was tried.
  public let action: Action
  /// The `errno` of the refused call.
  public let code: Int32

  /// `code` is the `errno` of the refused call.
  public init(_ action: Action, _ path: String, code: Int32) {
    self.action = action
    self.path = path
    self.code = code
  }

  /// Instead of an `errno`: the file is a named pipe, whose other end might never write.
  package static let namedPipe: Int32 = -1
  /// Instead of an `errno`: the file is a device of blocks.
  package static let device: Int32 = -2
  /// Instead of an `errno`: the file is a socket.
  package static let socket: Int32 = -3

  /// What the file is, if files of its kind are not read.
  package var special: String? {
    switch code {
    case Self.namedPipe: "a named pipe"
    case Self.device: "a device"
    case Self.socket: "a socket"
    default: nil
    }
  }

  /// The operating system's words for `code`.
  public var reason: String {
    if let special { return "it is \(special)" }
    var text = [CChar](repeating: 0, count: 256)
    guard strerror_r(code, &text, text.count) == 0 else { return "error \(code)" }
    return text.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
  }

  public var description: String {
    "\(path.shown(limit: 5000)): cannot \(action.rawValue) the "
      + "\(action == .makeFolder ? "folder" : "file"): \(reason); \(advice)"
  }

  /// What can be done about it.
  package var advice: String {
    switch code {
    case Self.namedPipe, Self.device, Self.socket: "name a regular file"
    case ENOSPC, EDQUOT: "free some space or choose another folder"
    case EACCES, EPERM: "check its permissions and those of its folder"
    case EROFS: "choose a folder that can be written"
    case EISDIR: "name a file, not a folder"
    case ENOENT where action == .open: "check the path"
    case ENOENT where action == .makeFolder: "choose another place"
    case ENOTDIR where action == .makeFolder:
      "a file is in the way of the folder: move it or choose another name"
    case ENOENT, ENOTDIR: "make the folder first"
    case ENAMETOOLONG: "shorten the name"
    case ENOMEM: "close other programs"
    case EMFILE, ENFILE: "close other files or raise 'ulimit -n'"
    case EFBIG where action == .read: "check that the right file was named"
    case EFBIG: "choose a file system that takes larger files or raise 'ulimit -f'"
    default: "check the device"
    }
  }
}
