import DarknetConfig
import DarknetGeometry
import DarknetLayers
import DarknetTestSupport
import DarknetText
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The gradients of heads against the costs that they belong to.
///
/// A head's printed loss is a sum of squared gradients, of which they are no slopes. But each has a
/// cost of which it is one; these are written down here, in double, for a picture with one object
/// of a map of 2x2 cells. Which prediction learns what does not change with the values moved.
@Suite struct HeadGradientTests {
  /// Of class 1, in cell (0, 1); the network is 20x20.
  private static let truth = object(0.3, 0.7, 0.4, 0.2, 1)
  private static let cell = (row: 1, column: 0)
  /// Where it is in its cell.
  private static let (x, y) = (0.6, 0.4)
  private static let network = shape(3, 20, 20)

  private static func sigma(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

  /// The cost whose slope by x is σ(x) - t.
  private static func crossEntropy(_ x: Double, _ t: Double) -> Double {
    -t * log(sigma(x)) - (1 - t) * log(1 - sigma(x))
  }

  private static func square(_ x: Double, _ t: Double) -> Double { (x - t) * (x - t) / 2 }

  private func number(_ one: GradientCase, _ key: String, _ fallback: Double) -> Double {
    one.settings.first { $0.key == key }.flatMap { Double($0.value) } ?? fallback
  }

  /// Sums `cost(values, isObject)` over the cells of all images.
  private func overCells(
    _ maps: Maps, _ cost: (_ value: (Int) -> Double, _ isObject: Bool) -> Double
  ) -> Double {
    var sum = 0.0
    for n in 0..<maps.batch {
      for row in 0..<2 {
        for column in 0..<2 {
          sum += cost({ maps[n, $0, row, column] }, (row, column) == Self.cell)
        }
      }
    }
    return sum
  }

  private func truth(_ one: GradientCase) -> Truth {
    .boxes([[GroundTruth]](repeating: [Self.truth], count: one.batch))
  }

  // MARK: [yolo]

  private static let yoloHead = "classes=2\nnum=1\nanchors=6,6\nignore_thresh=1"
  static let yolo: [GradientCase] =
    [
      "", "\niou_normalizer=0.5\nobj_normalizer=2", "\nscale_x_y=1.5", "\nlabel_smooth_eps=0.2",
      "\ncounters_per_class=4,1\ncls_normalizer=0.5", "\nnew_coords=1",
    ].map { GradientCase(yoloHead + $0, shape(7, 2, 2)) }
    + [GradientCase(yoloHead, shape(7, 2, 2), dialect: .pjreddie)]

  @Test(arguments: yolo)
  func `yolo: cross entropies, and squares of sizes`(_ one: GradientCase) throws {
    let run = try LayerFixture<YoloLayer>(one, networkShape: Self.network)
    // Of class 1, the rarer one: 4 counted objects to 1.
    let isWeighed = one.options.contains("counters_per_class")
    let weight = isWeighed ? 4.0 : 1
    let box =
      weight * number(one, "iou_normalizer", one.dialect == .alexeyab ? 0.75 : 1) * (2 - 0.08)
    let (objectness, s) = (number(one, "obj_normalizer", 1), number(one, "scale_x_y", 1))
    let smooth = number(one, "label_smooth_eps", 0) / 2
    let own = isWeighed ? weight * number(one, "cls_normalizer", 1) : 1
    let isRaw = number(one, "new_coords", 0) == 1
    let entropy = isRaw ? Self.square : Self.crossEntropy
    let sizes =
      isRaw
      ? [sqrt(0.4 * 20 / 6 / 4), sqrt(0.2 * 20 / 6 / 4)] : [log(0.4 * 20 / 6), log(0.2 * 20 / 6)]
    var range = one
    if isRaw { range.range = 0.1...0.9 }
    let worst = run.worstLossDeviation(range, truth: truth(one)) { maps in
      overCells(maps) { v, isObject in
        guard isObject else { return objectness * entropy(v(4), 0) }
        func centre(_ value: Double, _ t: Double) -> Double {
          // s σ - (s - 1) / 2 - t is s times σ less (t + (s - 1) / 2) / s.
          s * entropy(value, (t + (s - 1) / 2) / s)
        }
        return weight * objectness * entropy(v(4), 1)
          + entropy(v(5), smooth) + own * entropy(v(6), 1 - smooth)
          + box * (centre(v(0), Self.x) + centre(v(1), Self.y))
          + box * (Self.square(v(2), sizes[0]) + Self.square(v(3), sizes[1]))
      }
    }
    #expect(worst.error < exactTolerance, "\(worst)")
  }

  // MARK: [Gaussian_yolo]

  static let gaussian = ["", "\nuc_normalizer=0.5", "\niou_normalizer=0.3"].map {
    GradientCase(
      "classes=2\nnum=1\nanchors=6,6\nignore_thresh=1" + $0, shape(11, 2, 2))
  }

  /// Darknet takes these slopes by the activated values and gives them to the raw ones, so the
  /// activations' slopes count as 1 here.
  @Test(arguments: gaussian)
  func `Gaussian_yolo: likelihoods of a normal distribution`(_ one: GradientCase) throws {
    let run = try LayerFixture<GaussianYoloLayer>(one, networkShape: Self.network)
    let weight = number(one, "iou_normalizer", 0.75)
    let uncertainty = number(one, "uc_normalizer", 1)
    let targets = [Self.x, Self.y, log(0.4 * 20 / 6), log(0.2 * 20 / 6)]
    let base = Values.random(2 * 44, seed: 7)
    let origin = Maps(shape(11, 2, 2), batch: 2, values: base.map(Double.init))
    let worst = run.worstLossDeviation(one, truth: truth(one), values: base) { maps in
      var at = maps
      for (i, v) in origin.values.enumerated() {
        let plane = i / 4 % 11
        if plane != 4, plane != 6, plane < 8 { at.values[i] = Self.sigma(v) + maps.values[i] - v }
      }
      // The value's weight and the deviation's differ: each moves in a term of its own.
      func fixed(_ n: Int) -> Maps {
        var fixed = at
        for i in at.values.indices where i / 4 % 11 < 8 && i / 4 % 11 % 2 == n {
          let plane = i / 4 % 11
          fixed.values[i] =
            plane == 4 || plane == 6 ? origin.values[i] : Self.sigma(origin.values[i])
        }
        return fixed
      }
      func likelihood(_ maps: Maps) -> Double {
        overCells(maps) { v, isObject in
          guard isObject else { return 0 }
          return (0..<4).reduce(0) { sum, k in
            let (value, deviation) = (v(2 * k), v(2 * k + 1))
            let z = (targets[k] - value) / deviation
            let density = exp(-z * z / 2) / (sqrt(2 * Double.pi) * (deviation + 0.3))
            return sum - log(density + 1e-9) / 2 * (2 - 0.08)
          }
        }
      }
      let rest = overCells(maps) { v, isObject in
        isObject
          ? Self.crossEntropy(v(8), 1) + Self.crossEntropy(v(9), 0) + Self.crossEntropy(v(10), 1)
          : Self.crossEntropy(v(8), 0)
      }
      return rest + weight * likelihood(fixed(1)) + uncertainty * likelihood(fixed(0))
    }
    #expect(worst.error < exactTolerance, "\(worst)")
  }

  // MARK: [region]

  static let region: [GradientCase] = Dialect.allCases.flatMap { dialect in
    ["", "\nobject_scale=5\nnoobject_scale=0.5\nclass_scale=2\ncoord_scale=3"].map {
      GradientCase(
        "coords=4\nclasses=2\nnum=1\nanchors=0.6,0.6\nsoftmax=1\nthresh=1" + $0, shape(7, 2, 2),
        dialect: dialect)
    }
  }

  @Test(arguments: region)
  func `region: squares, and the cross entropy of the softmax`(_ one: GradientCase) throws {
    let run = try LayerFixture<RegionLayer>(one, networkShape: Self.network)
    let coordinates =
      number(one, "coord_scale", 1) * (one.dialect == .pjreddie ? 2 - 0.08 : 1)
    let old = TrainingProgress(seen: 20_000)
    let worst = run.worstLossDeviation(one, truth: truth(one), progress: old) { maps in
      overCells(maps) { v, isObject in
        guard isObject else {
          return number(one, "noobject_scale", 1) * Self.square(Self.sigma(v(4)), 0)
        }
        let p = exp(v(6)) / (exp(v(5)) + exp(v(6)))
        return number(one, "object_scale", 1) * Self.square(Self.sigma(v(4)), 1)
          - number(one, "class_scale", 1) * log(p)
          + coordinates
          * (Self.square(Self.sigma(v(0)), Self.x) + Self.square(Self.sigma(v(1)), Self.y)
            + Self.square(v(2), log(0.4 * 2 / 0.6)) + Self.square(v(3), log(0.2 * 2 / 0.6)))
      }
    }
    #expect(worst.error < exactTolerance, "\(worst)")
  }

  // MARK: [detection]

  static let detection = [
    "", "\nobject_scale=5\nnoobject_scale=0.5\nclass_scale=2\ncoord_scale=3", "\nsqrt=1",
  ]
  .map {
    GradientCase("coords=4\nclasses=2\nnum=1\nside=2" + $0, shape(28, 1, 1), range: 0.1...0.9)
  }

  @Test(arguments: detection)
  func `detection: squares`(_ one: GradientCase) throws {
    let run = try LayerFixture<DetectionLayer>(one)
    let isRoot = number(one, "sqrt", 0) == 1
    let targets = [Self.x, Self.y] + [0.4, 0.2].map { isRoot ? sqrt($0) : $0 }
    let worst = run.worstLossDeviation(one, truth: truth(one)) { maps in
      (0..<2).reduce(0) { sum, n in
        let v = { maps.values[n * 28 + $0] }
        return (0..<4).reduce(sum) { sum, cell in
          guard cell == 2 else {
            return sum + number(one, "noobject_scale", 1) * Self.square(v(8 + cell), 0)
          }
          return sum + number(one, "object_scale", 1) * Self.square(v(8 + cell), 1)
            + number(one, "class_scale", 1)
            * (Self.square(v(2 * cell), 0) + Self.square(v(2 * cell + 1), 1))
            + number(one, "coord_scale", 1)
            * (0..<4).reduce(0) { $0 + Self.square(v(12 + 4 * cell + $1), targets[$1]) }
        }
      }
    }
    #expect(worst.error < exactTolerance, "\(worst)")
  }
}
