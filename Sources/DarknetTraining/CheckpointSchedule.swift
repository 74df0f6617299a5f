import DarknetConfig

/// Which files a training writes, and when, as Darknet's programs name them.
public struct CheckpointSchedule: Hashable, Sendable {
  /// What a weights file is written for.
  public enum Kind: Hashable, Sendable {
    /// After this iteration, to be kept: `NAME_1000.weights`.
    case numbered(Int)
    /// To continue from: `NAME_last.weights`.
    case last
    /// The moving average of the weights: `NAME_ema.weights`.
    case average
    /// Of the best measurement: `NAME_best.weights`.
    case best
    /// At the end: `NAME_final.weights`.
    case final
    /// pjreddie's rolling file.
    case backup
  }

  package let dialect: Dialect
  package let isClassifier: Bool
  /// Iterations between numbered files.
  package let numberedInterval: Int
  /// Iterations between `_last` files.
  package let lastInterval: Int

  /// - Parameters:
  ///   - numberedInterval: `saveweights` of the `.data` file.
  ///   - lastInterval: `savelast` of the `.data` file.
  package init(
    dialect: Dialect, isClassifier: Bool = false, maxBatches: Int, numberedInterval: Int? = nil,
    lastInterval: Int? = nil
  ) {
    self.dialect = dialect
    self.isClassifier = isClassifier
    self.numberedInterval =
      numberedInterval ?? (isClassifier || maxBatches < 10_000 ? 1000 : 10_000)
    self.lastInterval = lastInterval ?? (dialect == .pjreddie && isClassifier ? 1000 : 100)
  }

  /// The files that are due after iteration `state.iteration`; notes them in `state`.
  package func due(_ state: inout TrainingState) -> [Kind] {
    let iteration = state.iteration
    var kinds: [Kind] = []
    if isNumberedDue(iteration, since: state.lastNumbered) {
      state.lastNumbered = iteration
      kinds.append(.numbered(iteration))
    }
    if isLastDue(iteration, since: state.lastSaved) {
      state.lastSaved = iteration
      kinds.append(dialect == .pjreddie ? .backup : .last)
    }
    return kinds
  }

  private func isNumberedDue(_ iteration: Int, since last: Int) -> Bool {
    if dialect == .pjreddie, !isClassifier {
      return iteration % 10_000 == 0 || (iteration < 1000 && iteration % 100 == 0)
    }
    return iteration >= last + numberedInterval || iteration % numberedInterval == 0
  }

  private func isLastDue(_ iteration: Int, since last: Int) -> Bool {
    if dialect == .pjreddie { return iteration % lastInterval == 0 }
    guard isClassifier || numberedInterval > lastInterval else { return false }
    return iteration >= last + lastInterval || (iteration % lastInterval == 0 && iteration > 1)
  }
}

/// The folder that a training writes its weights to, and their names there.
package struct CheckpointFolder: Hashable, Sendable {
  /// `backup=` of the `.data` file.
  package let path: String
  /// The cfg's name up to its first dot.
  package let base: String
  package let dialect: Dialect
  package let isClassifier: Bool

  package init(
    _ path: String, cfg: String, dialect: Dialect = .alexeyab, isClassifier: Bool = false
  ) {
    self.path = path
    base = Self.base(of: cfg)
    self.dialect = dialect
    self.isClassifier = isClassifier
  }

  /// File name without folders (of either system), up to its first dot.
  package static func base(of cfg: String) -> String {
    var name = cfg[...]
    if let slash = name.lastIndex(of: "/") { name = name[name.index(after: slash)...] }
    if let slash = name.lastIndex(of: "\\") { name = name[name.index(after: slash)...] }
    return String(name.prefix { $0 != "." })
  }

  package func path(of kind: CheckpointSchedule.Kind) -> String {
    let name =
      switch kind {
      case .numbered(let iteration): "\(base)_\(iteration).weights"
      case .last: "\(base)_last.weights"
      case .average: "\(base)_ema.weights"
      case .best: "\(base)_best.weights"
      case .final where dialect == .pjreddie && isClassifier: "\(base).weights"
      case .final: "\(base)_final.weights"
      case .backup: "\(base).backup"
      }
    return path.hasSuffix("/") ? path + name : "\(path)/\(name)"
  }

  /// Held by the training that writes these files.
  package var lockPath: String {
    path.hasSuffix("/") ? "\(path)\(base).lock" : "\(path)/\(base).lock"
  }

  /// The state file of a weights file: `_last.weights` has `_last.state`.
  package static func statePath(of weights: String) -> String {
    weights.hasSuffix(".weights") ? String(weights.dropLast(8)) + ".state" : weights + ".state"
  }
}
