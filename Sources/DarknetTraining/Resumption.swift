import DarknetNetwork
import DarknetSystem

/// What a run that is resumed from a weights file found beside it.
package enum Resumption: Sendable {
  /// Momentum, averages and seed: it continues as if it had never stopped.
  case whole
  /// All but momentum, which starts at 0: earlier versions of this program could not save it when
  /// a run ended in the middle of an iteration.
  case withoutMomentum
  /// The weights alone, and why.
  case weightsAlone(StateFault)
}

/// Why a state file was not used.
package enum StateFault: Error, Sendable, CustomStringConvertible {
  /// There is no file of this name.
  case missing(String)
  case unreadable(FileError)
  /// File, byte, what was expected there and what was found.
  case damaged(WeightsError)
  /// It belongs to weights of this iteration, which are not those that were loaded.
  case ofOtherWeights(String, iteration: Int)
  /// Its momentum and averages are those of another optimizer or average than the cfg's.
  case ofOtherOptions(String)

  package var description: String {
    switch self {
    case .missing(let path): "there is no \(path)"
    case .unreadable(let error): "\(error)"
    case .damaged(let error): "\(error)"
    case .ofOtherWeights(let path, let iteration):
      "\(path) belongs to other weights, of iteration \(iteration)"
    case .ofOtherOptions(let path):
      "\(path) holds momentum and averages of other [net] options than the cfg's"
    }
  }

  /// Of several files, the fault that tells most is reported.
  var weight: Int {
    switch self {
    case .missing: 0
    case .ofOtherWeights: 1
    case .ofOtherOptions: 2
    case .unreadable, .damaged: 3
    }
  }
}
