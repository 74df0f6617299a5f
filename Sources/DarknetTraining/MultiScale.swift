import DarknetConfig
import DarknetNetwork
import DarknetTensors

/// The input sizes of `random=1`: another one every ten iterations.
///
/// A size depends on the seed and the iteration alone, so loaders may look ahead and a resumed run
/// goes on with the sizes of the one that was stopped.
public struct MultiScale: Hashable, Sendable {
  public struct Size: Hashable, Sendable {
    public var width: Int
    public var height: Int

    public init(width: Int, height: Int) {
      self.width = width
      self.height = height
    }
  }

  /// The cfg's own size.
  public let initial: Size
  /// `random=` of the last head: 1 stands for 1.4, other values for themselves; 0 is off.
  public let coefficient: Float
  /// Sizes are multiples of this.
  public let step: Int
  public let maxBatches: Int
  public let dialect: Dialect
  public let seed: UInt64

  /// - Parameter random: the last head's option.
  public init(_ network: Network, random: Float, seed: UInt64) {
    initial = Size(width: network.net.width, height: network.net.height)
    coefficient = random == 1 ? 1.4 : max(random, 0)
    let wanted = network.net.resizeStep
    step = wanted >= 1 && wanted <= 65_536 ? Int(wanted) : 32
    maxBatches = network.net.maxBatches
    dialect = network.dialect
    self.seed = seed
  }

  public var isOn: Bool { coefficient > 0 }

  /// Whether a new size is drawn for this iteration, from 1.
  public func isDrawn(at iteration: Int) -> Bool { isOn && (iteration - 1) % 10 == 0 }

  /// Size of iteration `iteration`, from 1.
  public func size(at iteration: Int) -> Size {
    guard isOn else { return initial }
    let block = (iteration - 1) / 10
    var random = Random(seed: seed).split(UInt64(block) &* 2 &+ 0x5000_0000_0000_0000)
    // pjreddie's rule: squares of 320 to 608, the largest near the end.
    if dialect == .pjreddie {
      let side = block * 10 + 1 + 200 > maxBatches ? 608 : (random.below(10) + 10) * 32
      return Size(width: side, height: side)
    }
    // The largest size comes first, to see whether memory is enough, and last.
    if block == 0 || block * 10 + 1 > maxBatches - 100 {
      return Size(
        width: scaled(initial.width, by: coefficient),
        height: scaled(initial.height, by: coefficient))
    }
    let stretch = random.uniform(1, Double(max(coefficient, 1.0001)))
    let factor = random.next() & 1 == 0 ? stretch : 1 / stretch
    let size = Size(
      width: scaled(initial.width, by: factor), height: scaled(initial.height, by: factor))
    if factor < 1, size.width > initial.width || size.height > initial.height { return initial }
    return size
  }

  private func scaled(_ side: Int, by factor: Float) -> Int {
    let steps = (factor * Float(side) / Float(step) + 1).rounded(.toNearestOrAwayFromZero)
    return max(Int(min(steps, 65_536)) * step, step)
  }

  /// The largest size that may come.
  public var largest: Size {
    guard isOn else { return initial }
    if dialect == .pjreddie { return Size(width: 608, height: 608) }
    return Size(
      width: scaled(initial.width, by: coefficient),
      height: scaled(initial.height, by: coefficient))
  }
}
