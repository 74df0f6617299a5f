/// Which of Darknet's two families a network follows where they differ.
///
/// The differences (batch-norm epsilon, letterboxing, thresholds, the order of some weights) are
/// listed in `docs/compatibility.md`.
public enum Dialect: String, Sendable, CaseIterable {
  /// AlexeyAB/darknet and the forks that grew from it; the default.
  case alexeyab
  /// pjreddie/darknet, the original, which Debian ships.
  case pjreddie
}
