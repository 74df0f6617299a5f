import DarknetSystem

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Why a picture could not be read.
public struct ImageError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What is wrong with it.
  public enum Problem: Error, Hashable {
    /// The operating system did not give the bytes; `code` is its `errno`.
    case unreadable(code: Int32)
    /// No file, but `what`: a named pipe, a device.
    case special(what: String)
    /// A file of 0 bytes.
    case empty
    /// No format that is read here; `found` says in words what the bytes look like.
    case unknownFormat(found: String)
    /// Cut short. `reason` is what the decoder said.
    case truncated(ImageFormat, reason: String)
    /// Damaged. `reason` is what the decoder said.
    case corrupt(ImageFormat, reason: String)
    /// A legal file with features that are not read here.
    case unsupported(ImageFormat, reason: String)
    /// More than the limit for pictures from outside.
    case tooManyPixels(width: Int, height: Int, limit: Int)
    /// A file longer than the limit.
    case tooManyBytes(limit: Int)
    /// The system has no memory for the pixels.
    case outOfMemory(width: Int, height: Int, bytes: Int)
    /// Too long for a network that is resized to a picture's proportions.
    case tooLong(width: Int, height: Int)
    /// The network does not work at the size that this picture asks for; `reason` tells why.
    case unsuitable(reason: String)
    /// Pixels in memory that are not the picture which their numbers promise.
    case pixels(expected: String, found: String)
    /// A network that takes neither grey nor RGB asked for a picture.
    case channels(Int)
  }

  /// The file, or whatever name the caller has for the bytes.
  public let path: String
  /// What is wrong with it.
  public let problem: Problem

  /// A problem with the picture at `path`.
  public init(_ path: String, _ problem: Problem) {
    self.path = path
    self.problem = problem
  }

  /// Why the file of a picture was not read.
  ///
  /// - Parameter limit: bytes that it may have.
  package init(_ path: String, _ failure: LimitedFile.Failure, limit: Int) {
    let problem: Problem =
      switch failure {
      case .system(let code): .unreadable(code: code)
      case .special(let what): .special(what: what)
      case .tooLong: .tooManyBytes(limit: limit)
      }
    self.init(path, problem)
  }

  public var description: String {
    let (expected, found, fix) = words
    return "\(path.shown()): expected \(expected), found \(found); \(fix)"
  }

  /// What is wrong, in words: `an empty file`.
  package var found: String { words.found }
  /// What can be done about it.
  package var fix: String { words.fix }

  /// Whether the system lacks something that it may have again later, such as open files: nothing
  /// is said about the picture.
  package var isTransient: Bool {
    if case .unreadable(let code) = problem {
      [EMFILE, ENFILE, ENOMEM].contains(code)
    } else {
      false
    }
  }

  private var words: (expected: String, found: String, fix: String) {
    let anyPicture = "a JPEG, PNG, BMP or PPM picture"
    let again = "get or save the file again"
    switch problem {
    case .unreadable(let code):
      let error = FileError(.read, path, code: code)
      return (
        anyPicture, "no readable file (\(error.reason))",
        isTransient ? error.advice : "check the path and permissions"
      )
    case .special(let what):
      return (anyPicture, what, "name a file")
    case .empty:
      return (anyPicture, "an empty file", again)
    case .unknownFormat(let found):
      return (anyPicture, found, "convert it, for example to PNG, or correct the path")
    case .truncated(let format, let reason):
      return ("a whole \(format.name) picture", "one that is cut short (\(reason))", again)
    case .corrupt(let format, let reason):
      return ("an intact \(format.name) picture", "a damaged one (\(reason))", again)
    case .unsupported(let format, let reason):
      return (
        "a common kind of \(format.name) picture", "another (\(reason))",
        "convert it, for example to PNG"
      )
    case .tooManyPixels(let width, let height, let limit):
      return ("at most \(limit) pixels", "\(width)x\(height)", "scale the picture down")
    case .tooManyBytes(let limit):
      return ("a file of at most \(limit) bytes", "a longer one", "correct the path")
    case .outOfMemory(let width, let height, let bytes):
      return (
        "a picture that fits into memory", "\(width)x\(height), which needs \(bytes) bytes",
        "scale the picture down"
      )
    case .tooLong(let width, let height):
      return (
        "a picture whose proportions suit the network",
        "\(width)x\(height) (over 64 to 1)",
        "crop it, or use a command that keeps the network's size"
      )
    case .unsuitable(let reason):
      return (
        "a picture whose proportions suit the network", "another (\(reason))",
        "crop it, or use a command that keeps the network's size"
      )
    case .pixels(let expected, let found):
      return (expected, found, "correct the picture's size, its bytes a row or its pixels")
    case .channels(let count):
      return (
        "a network of 1 or 3 input channels", "\(count)", "pictures have no others; see [net]"
      )
    }
  }
}
