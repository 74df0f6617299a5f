import DarknetData
import DarknetImages
import DarknetNetwork
import DarknetSystem
import DarknetText

/// Why a model could not be made, trained or measured. Its text names the file and the place in it,
/// what was expected, what was found and what to do.
public enum DarknetError: Error, Sendable, CustomStringConvertible {
  /// The operating system did not give or take a file.
  case file(FileError)
  /// A cfg, `.data`, names or list file says something impossible, or two of them disagree.
  case content(ConfigError)
  /// A weights file is damaged, or belongs to another cfg.
  case weights(WeightsError)
  /// A picture could not be read.
  case picture(ImageError)
  /// Anything else, in words.
  case other(String)

  /// One line, without a line end.
  public var description: String {
    switch self {
    case .file(let error): error.description
    case .content(let error): error.description
    case .weights(let error): error.description
    case .picture(let error): error.description
    case .other(let text): text
    }
  }

  /// Sorts an error of the modules below.
  init(_ error: any Error) {
    self =
      switch error {
      case let error as DarknetError: error
      case let error as FileError: .file(error)
      case let error as ConfigError: .content(error)
      case let error as WeightsError: .weights(error)
      case let error as ImageError: .picture(error)
      case DataError.file(let error): .file(error)
      case DataError.content(let error): .content(error)
      default: .other("\(error)")
      }
  }

  /// What `body` returns; what it throws, sorted.
  static func sorting<Value>(_ body: () throws -> Value) throws(DarknetError) -> Value {
    do { return try body() } catch { throw DarknetError(error) }
  }
}
