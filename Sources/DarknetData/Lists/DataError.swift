import DarknetSystem
import DarknetText

/// Why a data set cannot be used at all. What is wrong with single pictures and labels is a
/// `DataProblem`, and work continues.
package enum DataError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The operating system did not give or take a file.
  case file(FileError)
  /// A file was read, and says something impossible.
  case content(ConfigError)

  package var description: String {
    switch self {
    case .file(let error): error.description
    case .content(let error): error.description
    }
  }
}
