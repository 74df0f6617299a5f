import Darknet
import DarknetTestSupport

/// A small network drawn at random: any layers that fit one after another, with several sources,
/// odd sizes, groups and dilation, in either dialect. The same seed gives the same network.
struct RandomNetwork {
  let seed: UInt64
  let dialect: Dialect
  private(set) var cfg: String
  private var random: Random
  private var sections = 0
  private let isTraining: Bool
  private let isRecurrent: Bool

  /// Activations without jumps: at those of `stair` and of binary inputs the last bit of a float
  /// decides about whole numbers.
  private static let activations = Activation.allCases.filter { $0 != .stair }.map(\.cfgName)

  /// - Parameter isTraining: ends with `[cost]`, and has nothing whose gradient follows another rule
  ///   than the derivative (batch norm) or is not seen by it (frozen statistics).
  init(seed: UInt64, isTraining: Bool = false) {
    self.seed = seed
    self.isTraining = isTraining
    random = Random(seed: seed &* 2 &+ (isTraining ? 1 : 0))
    dialect = random.below(3) == 0 ? .pjreddie : .alexeyab
    isRecurrent = random.below(5) == 0
    let side = isTraining ? 6 : 24
    cfg = """
      [net]
      batch=\(isRecurrent ? 2 : 1)
      time_steps=\(isRecurrent ? 2 : 1)
      width=\(3 + random.below(side))
      height=\(3 + random.below(side))
      channels=\(1 + random.below(5))

      """
    let wanted = 2 + random.below(isTraining ? 4 : 9)
    var tries = 0
    while sections < wanted, tries < 200 {
      tries += 1
      let candidate = cfg + section() + "\n"
      guard let network = build(candidate), let last = network.nodes.last?.layer,
        last.outputShape.count <= (isTraining ? 600 : 20_000)
      else { continue }
      cfg = candidate
      sections += 1
    }
    cfg += isTraining ? loss() : head()
  }

  /// Whether the gradient is that of the cross entropy of values of 0...1, not half of that of
  /// squares.
  var isLogistic: Bool { cfg.hasSuffix("[logistic]\n") }

  private mutating func loss() -> String {
    random.below(3) == 0 ? "[logistic]\n" : "[cost]\ntype=sse\n"
  }

  /// A head, at the end of half of the networks; empty if it does not fit.
  private mutating func head() -> String {
    let boxes = 1 + random.below(3)
    let classes = 1 + random.below(4)
    let side = 1 + random.below(3)
    let anchors = "anchors=\((0..<boxes).map { "\($0 + 2),\($0 + 3)" }.joined(separator: ", "))\n"
    let mask = "mask=\((0..<boxes).map(String.init).joined(separator: ","))\n"
    let filters = { (perBox: Int) in
      "[convolutional]\nfilters=\(boxes * perBox)\nsize=1\nactivation=linear\n"
    }
    let count = "num=\(boxes)\nclasses=\(classes)\n"
    let text =
      switch random.below(12) {
      case 0:
        filters(classes + 5) + "[yolo]\n" + mask + anchors + count + often("scale_x_y=1.1")
          + often("new_coords=1", in: 4)
      case 1: filters(classes + 9) + "[Gaussian_yolo]\n" + mask + anchors + count
      case 2:
        filters(classes + 5) + "[region]\n" + anchors + count + often("softmax=1")
          + often("background=1", in: 4)
      case 3:
        "[connected]\noutput=\(side * side * (boxes * 5 + classes))\nactivation=linear\n"
          + "[detection]\nside=\(side)\ncoords=4\n" + count + often("softmax=1") + often("sqrt=1")
      case 4: "[logistic]\n"
      case 5: "[cost]\n"
      default: ""
      }
    return build(cfg + text) == nil ? "" : text
  }

  private func build(_ text: String) -> Network? {
    guard let file = try? ConfigFile(text: Array(text.utf8), name: "random.cfg") else { return nil }
    return try? NetworkBuilder(dialect: dialect).build(file)
  }

  // MARK: Sections

  private mutating func one<T>(of values: [T]) -> T { values[random.below(values.count)] }

  private mutating func often(_ option: String, in share: Int = 2) -> String {
    random.below(share) == 0 ? option + "\n" : ""
  }

  private mutating func activation() -> String {
    "activation=\(one(of: Self.activations))\n"
  }

  private mutating func normalization() -> String {
    isTraining ? "" : often("batch_normalize=1")
  }

  /// Earlier layers, the nearest most often.
  private mutating func sources(_ count: Int) -> String {
    (0..<count).map { _ in
      "\(-1 - min(random.below(4), random.below(sections + 1)))"
    }.joined(separator: ",")
  }

  /// Of a convolution: no window lies outside of the map, where sums are exactly 0, at the kinks of
  /// activations.
  private mutating func kernel() -> String {
    let size = one(of: [1, 2, 3, 3, 5])
    return "size=\(size)\n" + often("pad=1") + (size > 1 ? often("padding=1", in: 4) : "")
      + often("stride=2", in: 3)
  }

  /// Of a pool: with at least one pixel of the map in each window.
  private mutating func window() -> String {
    let size = one(of: [1, 2, 3, 3, 5])
    return "size=\(size)\npadding=\(random.below(2 * size - 1))\n" + often("stride=2", in: 3)
  }

  private mutating func section() -> String {
    let kinds = isRecurrent ? 29 : 24
    switch random.below(kinds) {
    case 0...4:
      let groups = one(of: [1, 1, 1, 2, 3, 4])
      return "[convolutional]\nfilters=\(groups * (1 + random.below(9)))\ngroups=\(groups)\n"
        + kernel() + often("dilation=2", in: 4) + often("stride_x=2\nstride_y=1", in: 8)
        + often("antialiasing=\(1 + random.below(2))", in: 8) + normalization() + activation()
    case 5:
      return "[maxpool]\n" + window() + often("antialiasing=1", in: 6)
        + often("maxpool_depth=1\nout_channels=2", in: 6)
    case 6: return "[local_avgpool]\n" + window()
    case 7: return often("[avgpool]", in: 3) + "[l2norm]\n"
    case 8: return "[upsample]\nstride=\(one(of: [2, 2, 3, -2]))\n" + often("scale=0.5")
    case 9, 10:
      return "[route]\nlayers=\(sources(1 + random.below(3)))\n"
        + often("groups=2\ngroup_id=\(random.below(2))", in: 3)
    case 11, 12:
      let weights = dialect == .alexeyab && random.below(2) == 0
      return "[shortcut]\nfrom=\(sources(1 + random.below(3)))\n" + activation()
        + (weights
          ? "weights_type=\(one(of: ["per_feature", "per_channel"]))\n"
            + "weights_normalization=\(one(of: ["relu", "softmax"]))\n"
          : dialect == .pjreddie ? often("alpha=0.5") + often("beta=2") : "")
    case 13:
      return "[partial_shortcut]\nfrom=\(sources(1 + random.below(2)))\n"
        + often("sparsity=0.5") + activation()
    case 14 where random.below(3) == 0: return "[gate]\nfrom=\(sources(1))\ngate=\(sources(1))\n"
    case 14: return "[scale_channels]\nfrom=\(sources(1))\n" + often("scale_wh=1") + activation()
    case 15: return "[sam]\nfrom=\(sources(1))\n" + activation()
    case 16: return "[activation]\n" + activation()
    case 17:
      return isTraining
        ? "[dropout]\nprobability=0.3\n" : one(of: ["[batchnorm]\n", "[dropout]\n", "[empty]\n"])
    case 18:
      return "[normalization]\nalpha=0.5\nsize=\(1 + random.below(5))\n" + often("kappa=2")
    case 19: return "[connected]\noutput=\(1 + random.below(20))\n" + normalization() + activation()
    case 20:
      return "[local]\nfilters=\(1 + random.below(3))\nsize=3\n" + often("pad=1") + activation()
    case 21:
      return "[deconvolutional]\nfilters=\(1 + random.below(6))\n" + kernel() + normalization()
        + activation()
    case 22:
      return one(of: ["[reorg]\n", "[reorg3d]\n"]) + "stride=\(1 + random.below(3))\n"
        + often("reverse=1")
    case 23:
      return one(of: [
        "[crop]\ncrop_height=3\ncrop_width=3\n", "[implicit]\nfilters=5\n",
        "[softmax]\nnoloss=1\n", "[softmax]\nspatial=1\nnoloss=1\n",
      ])
    case 24: return "[rnn]\noutput=\(1 + random.below(8))\nhidden=4\n"
    case 25: return "[gru]\noutput=\(1 + random.below(8))\n"
    case 26: return "[lstm]\noutput=\(1 + random.below(8))\n"
    case 27:
      return one(of: ["[crnn]\nhidden=4\n", "[conv_lstm]\n"])
        + "output=4\nsize=3\npad=1\n" + often("groups=2", in: 3)
    default: return "[history]\nhistory_size=2\n"
    }
  }
}
