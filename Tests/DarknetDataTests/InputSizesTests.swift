import DarknetData
import Testing

@Suite struct InputSizesTests {
  @Test func `without random the size stays`() {
    let sizes = InputSizes(width: 416, height: 320, random: 0, maxBatches: 1000, seed: 1)
    #expect(!sizes.changes)
    #expect(Set((1...1000).map { sizes.size(at: $0) }) == [.init(width: 416, height: 320)])
  }

  /// `round(1.4 * 416 / 32 + 1) * 32 = round(19.2) * 32 = 608`; the smallest is
  /// `round(416 / 1.4 / 32 + 1) * 32 = round(10.29) * 32 = 320`.
  @Test func `sizes change every ten iterations between the limits`() {
    let sizes = InputSizes(width: 416, height: 416, random: 1, maxBatches: 100_000, seed: 1)
    #expect(sizes.largest == .init(width: 608, height: 608))
    #expect((1...10).allSatisfy { sizes.size(at: $0).width == 608 })
    var seen: Set<Int> = []
    for block in 1..<2000 {
      let of = (1...10).map { sizes.size(at: block * 10 + $0) }
      #expect(Set(of).count == 1)
      #expect(of[0].width == of[0].height && of[0].width % 32 == 0)
      // Below a factor of 1 no size is larger than the cfg's.
      seen.insert(of[0].width)
    }
    #expect(seen == [320, 352, 384, 416, 448, 480, 512, 544, 576, 608])
    #expect((99_911...100_000).allSatisfy { sizes.size(at: $0).width == 608 })
  }

  @Test func `half of the sizes are not above the cfg's`() {
    let sizes = InputSizes(width: 416, height: 416, random: 1, maxBatches: 1_000_000, seed: 5)
    let all = (1..<4000).map { sizes.size(at: $0 * 10 + 1).width }
    let small = Double(all.count { $0 <= 416 }) / Double(all.count)
    // Factors below 1, and those from 1 on that round to 416: none, as 1 gives 14 steps, 448.
    #expect(abs(small - 0.5) < 0.04)
  }

  @Test func `sides keep their proportions`() {
    let sizes = InputSizes(
      width: 608, height: 320, random: 1.2, resizeStep: 64, maxBatches: 10, seed: 1)
    // round(1.2 * 608 / 64 + 1) = round(12.4), round(1.2 * 320 / 64 + 1) = 7
    #expect(sizes.size(at: 1) == .init(width: 768, height: 448))
  }

  @Test func `the original has ten sizes of its own`() {
    let sizes = InputSizes(
      width: 416, height: 416, random: 1, maxBatches: 50_000, seed: 1, dialect: .pjreddie)
    let seen = Set((1..<3000).map { sizes.size(at: $0 * 10).width })
    #expect(seen == Set(stride(from: 320, through: 608, by: 32)))
    #expect((49_811...50_000).allSatisfy { sizes.size(at: $0).width == 608 })
  }

  @Test(arguments: [Float.nan, .infinity, -3, 1e30, 1e-30])
  func `odd options do no harm`(value: Float) {
    let sizes = InputSizes(
      width: 416, height: 416, random: value, resizeStep: value, maxBatches: 0, seed: 1)
    for iteration in [Int.min + 1, -1, 0, 1, 11, .max - 1] {
      let size = sizes.size(at: iteration)
      #expect(size.width > 0 && size.height > 0)
    }
  }
}
