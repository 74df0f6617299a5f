import DarknetSystem

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Collects problems from several threads: each is given out once and, if wished, written to
/// `bad.list` or `bad_label.list` as Darknet does.
package final class ProblemLog: Sendable {
  private struct State {
    var seen: Set<DataProblem> = []
    var counts: [DataProblem.Group: Int] = [:]
    var confidenceSeen = false
  }

  private let state = Locked(State())
  private let folder: String?

  /// - Parameter folder: where the two lists are written, "." for the current folder as Darknet
  ///   has it; nil writes none.
  package init(writingListsTo folder: String? = nil) {
    self.folder = folder
  }

  /// Takes a problem; true if it is new, and so should be shown.
  ///
  /// Confidences are one notice for all files, for who has one has thousands.
  package func note(_ problem: DataProblem) -> Bool {
    let isNew = state.withLock { state in
      guard state.seen.insert(problem).inserted else { return false }
      state.counts[problem.group, default: 0] += 1
      guard case .confidence = problem.kind else { return true }
      defer { state.confidenceSeen = true }
      return !state.confidenceSeen
    }
    guard isNew, let folder else { return isNew }
    if let line = problem.badListLine { append(line, to: "\(folder)/bad.list") }
    if let line = problem.badLabelListLine { append(line, to: "\(folder)/bad_label.list") }
    return true
  }

  /// The new ones of several problems.
  package func note(_ problems: [DataProblem]) -> [DataProblem] { problems.filter { note($0) } }

  /// How many different problems there were of a group.
  package func count(_ group: DataProblem.Group) -> Int {
    state.withLock { $0.counts[group] ?? 0 }
  }

  /// One write, so that several processes may append. If the disk refuses there is nothing better
  /// to be done than to go on: the caller shows the problem in any case.
  private func append(_ line: String, to path: String) {
    let descriptor = open(path.cPath, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    var bytes = (line + "\n").rawBytes
    while !bytes.isEmpty {
      let written = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      guard written > 0 else { return }
      bytes.removeFirst(written)
    }
  }
}
