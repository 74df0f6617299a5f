import DarknetConfig
import DarknetData
import DarknetTensors
import Testing

@Suite struct RandomStreamTests {
  /// The places of a training of this many iterations, eight mini-batches and rows each.
  private static func places(_ stream: RandomStream, iterations: Int) -> [[Int]] {
    switch stream {
    case .learningRate, .rejectedFilters, .inputSizes, .sequenceStarts:
      (0...iterations).map { [$0] }
    case .layers, .samples, .sequenceVariations, .pairVariations:
      (1...iterations).flatMap { iteration in (0..<8).map { [iteration, $0] } }
    }
  }

  private static func generator(_ stream: RandomStream, _ seed: UInt64, _ place: [Int]) -> Random {
    place.count == 1
      ? stream.generator(seed: seed, place[0])
      : stream.generator(seed: seed, place[0], place[1])
  }

  /// Generators step through one cycle of 2^64 numbers: two that overlap give one number twice.
  @Test(arguments: [0, 1, 0xFFFF_FFFF_FFFF_FFFF] as [UInt64])
  func `streams do not overlap`(seed: UInt64) {
    var seen: Set<UInt64> = []
    var count = 0
    for stream in RandomStream.allCases {
      for place in Self.places(stream, iterations: 2000) {
        var random = Self.generator(stream, seed, place)
        for _ in 0..<3 {
          seen.insert(random.next())
          count += 1
        }
      }
    }
    #expect(seen.count == count)
  }

  /// What met when places were put into one number by hand: 2 i + 1 and i << 16 | k.
  @Test func `far iterations do not draw as near ones`() {
    for iteration in [1, 2, 3, 100, 32_767, 32_768, 65_536, 1 << 40] {
      for k in 0..<4 {
        var rate = RandomStream.learningRate.generator(seed: 7, iteration)
        var layers = RandomStream.layers.generator(seed: 7, 1, k)
        var samples = RandomStream.samples.generator(seed: 7, 2 * iteration + 1, k)
        let (a, b, c) = (rate.next(), layers.next(), samples.next())
        #expect(a != b && a != c && b != c)
      }
    }
  }

  @Test func `a stream repeats by seed and place`() {
    for stream in RandomStream.allCases {
      var (a, b) = (stream.generator(seed: 5, 9), stream.generator(seed: 5, 9))
      var (other, next) = (stream.generator(seed: 6, 9), stream.generator(seed: 5, 10))
      let value = a.next()
      #expect(value == b.next() && value != other.next() && value != next.next())
    }
  }

  /// Sizes are a function of seed and iteration, and each of them is drawn.
  @Test func `sizes of the input`() {
    func sizes(_ seed: UInt64) -> [Int] {
      let sizes = InputSizes(
        width: 416, height: 416, random: 1, maxBatches: 100_000, seed: seed, dialect: .pjreddie)
      return (0..<400).map { sizes.size(at: 10 * $0 + 1).width }
    }
    #expect(sizes(1) == sizes(1) && sizes(1) != sizes(2))
    #expect(Set(sizes(1)) == Set(stride(from: 320, through: 608, by: 32)))
  }
}
