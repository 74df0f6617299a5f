import DarknetConfig
import DarknetTensors
import DarknetText

/// The size of the network's input at each iteration: always the same, or another every ten
/// iterations where the cfg's last head says `random=1`.
///
/// A function of the seed and the iteration alone, so that a run that is resumed sees the sizes
/// of one that was not interrupted.
public struct InputSizes: Sendable {
  /// A width and a height of the input.
  public struct Size: Hashable, Sendable {
    /// In pixels.
    public var width: Int
    /// In pixels.
    public var height: Int

    /// In pixels.
    public init(width: Int, height: Int) {
      self.width = width
      self.height = height
    }
  }

  private enum Rule: Sendable {
    case fixed
    case alexeyab(coefficient: Float, step: Float)
    case pjreddie
  }

  package let initial: Size
  private let rule: Rule
  private let maxBatches: Int
  private let seed: UInt64

  /// Always the same size.
  package init(width: Int, height: Int) {
    initial = Size(width: width, height: height)
    rule = .fixed
    maxBatches = 0
    seed = 0
  }

  /// Changing sizes.
  ///
  /// - Parameters:
  ///   - random: the head's option: 0 for no change, 1 for a factor of up to 1.4, else the factor.
  ///   - resizeStep: `[net]`'s option; sizes are multiples of it.
  ///   - maxBatches: the last iterations have the largest size.
  ///   - dialect: the original draws from 320, 352…608 whatever the cfg's size.
  package init(
    width: Int, height: Int, random: Float, resizeStep: Float = 32, maxBatches: Int, seed: UInt64,
    dialect: Dialect = .alexeyab
  ) {
    initial = Size(width: width, height: height)
    // Without an end there are no last iterations.
    self.maxBatches = maxBatches > 0 ? maxBatches : .max
    self.seed = seed
    if random == 0 || !random.isFinite {
      rule = .fixed
    } else if dialect == .pjreddie {
      rule = .pjreddie
    } else {
      let step = resizeStep.isFinite ? min(max(1, resizeStep), 4096) : 32
      rule = .alexeyab(coefficient: random == 1 ? 1.4 : min(max(random, 0.1), 10), step: step)
    }
  }

  /// The largest size that any iteration has.
  package var largest: Size {
    switch rule {
    case .fixed: initial
    case .alexeyab(let coefficient, let step):
      scaled(max(coefficient, 1 / coefficient), step)
    case .pjreddie: Size(width: 608, height: 608)
    }
  }

  package var changes: Bool { if case .fixed = rule { false } else { true } }

  /// The largest factor, as Darknet prints it with each new size: 1 for no change.
  package var coefficient: Float {
    switch rule {
    case .fixed: 1
    case .alexeyab(let coefficient, _): coefficient
    case .pjreddie: 1.4
    }
  }

  /// Whether a new size is drawn for this iteration, the first being 1.
  package func isDrawn(at iteration: Int) -> Bool { changes && (iteration - 1) % 10 == 0 }

  /// The size at an iteration, the first being 1.
  package func size(at iteration: Int) -> Size {
    // Ten iterations share the size that is drawn at their first.
    let block = (max(iteration, 1) - 1) / 10
    let done = block * 10
    var random = RandomStream.inputSizes.generator(seed: seed, block)
    switch rule {
    case .fixed: return initial
    case .alexeyab(let coefficient, let step):
      // The largest first, so that all memory that is needed is known to be there, and last.
      if block == 0 || done > maxBatches - 100 { return scaled(coefficient, step) }
      let factor = random.factor(coefficient)
      var size = scaled(factor, step)
      if factor < 1, size.width > initial.width || size.height > initial.height { size = initial }
      return size
    case .pjreddie:
      let side = done > maxBatches - 200 ? 608 : (random.below(10) + 10) * 32
      return Size(width: side, height: side)
    }
  }

  /// `round(factor * size / step + 1) * step` for both sides, at least one step.
  private func scaled(_ factor: Float, _ step: Float) -> Size {
    func side(_ size: Int) -> Int {
      Int(max(1, (factor * Float(size) / step + 1).rounded()) * step)
    }
    return Size(width: side(initial.width), height: side(initial.height))
  }
}
