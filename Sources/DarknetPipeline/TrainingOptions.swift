import DarknetConfig

/// What a `.data` file and a cfg do not say about a training.
public struct TrainingOptions: Sendable {
  /// Whose rules are followed where Darknet's two families differ.
  public var dialect = Dialect.alexeyab
  /// Decides every random draw: the same seed and files give the same weights. nil draws one; a
  /// training that continues keeps its own.
  public var seed: UInt64?
  /// Where weights go; nil for `backup` of the `.data` file. It is made if it is missing.
  public var folder: String?
  /// Whether iterations are counted from 0 whatever the weights file says, as `-clear` does it.
  public var startsOver = false
  /// Whether the list `valid` is measured on every few epochs, and the best weights are kept in a
  /// file of their own. Detectors are measured by mAP at an IoU of 0.5, classifiers by how often
  /// the right class is among the first `top` of the `.data` file (5).
  public var measures = false

  /// All as described.
  public init() {}
}
