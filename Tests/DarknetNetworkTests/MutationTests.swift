import Darknet
import DarknetTestSupport
import Foundation
import Testing

/// Broken cfgs and weights, made from whole ones by a seeded generator: an error or a result each
/// time, never a crash, and none over a second.
///
/// `PRN_DARKNET_FUZZ` sets how many; `make fuzz` runs a hundred thousand.
@Suite struct MutationTests {
  static let count = Int(ProcessInfo.processInfo.environment["PRN_DARKNET_FUZZ"] ?? "") ?? 4000

  /// Whole cfgs to break: the project's, and every section with its options.
  static let cfgs: [[UInt8]] = {
    let folder = ProjectFolder.root.appendingPathComponent("cfg")
    let files =
      (try? FileManager.default.contentsOfDirectory(
        at: folder, includingPropertiesForKeys: nil)) ?? []
    let ours = files.filter { $0.pathExtension == "cfg" }.sorted { $0.path < $1.path }
      .compactMap { try? Array(Data(contentsOf: $0)) }
    return ours + [Array(allSections.utf8)]
  }()

  /// A network of one of each section that works on any map.
  static let allSections: String = {
    var text = "[net]\nwidth=32\nheight=32\nchannels=4\nbatch=2\ntime_steps=1\nmax_batches=10\n"
    let skipped = [
      "detection", "region", "yolo", "Gaussian_yolo", "contrastive", "iseg", "history", "crop",
    ]
    for name in LayerRegistry.names where !skipped.contains(name) {
      text += "[\(name)]\nfilters=4\noutput=8\nhidden=6\nsize=3\nstride=1\npad=1\nfrom=-1\n"
      text += "layers=-1\nactivation=leaky\nbatch_normalize=1\nreverse=0\ngroups=1\n\n"
    }
    return text
  }()

  private static let words = [
    "-1", "0", "1", "99999999999999999999", "-2147483648", "2147483647", "65536", "1e30", "nan",
    "inf",
    "", "=", "[", "]", "#", ",", ",,,", "0,0,0", "\u{0}", "\r", "\u{FEFF}", "filters", "stride=0",
    "[net]", "[yolo]", "[route]", "layers=-1,-2,0,99", "from=-100000", "groups=7", "size=1000000",
    "width=100000", "batch=-1", "subdivisions=0", "steps=1,2\nscales=.1", "policy=steps", "tree=x",
    "mask=0,99", "num=1000000", "classes=1000000", "anchors=1", "activation=", "stride_x=3",
    "dilation=100000", "padding=-5", "time_steps=77", "share_index=0", "[local]\nfilters=100000",
  ]

  private static func mutate(_ bytes: [UInt8], _ random: inout Darknet.Random) -> [UInt8] {
    var bytes = bytes
    for _ in 0...random.below(4) {
      let at = random.below(max(bytes.count, 1))
      switch random.below(6) {
      case 0 where !bytes.isEmpty: bytes[at] = UInt8(truncatingIfNeeded: random.next())
      case 1: bytes.insert(contentsOf: words[random.below(words.count)].utf8, at: at)
      case 2 where !bytes.isEmpty:
        bytes.removeSubrange(at..<min(at + 1 + random.below(40), bytes.count))
      case 3: bytes.removeLast(bytes.count - at)
      case 4:
        // Another value behind an equals sign.
        let equals = bytes.indices.filter { bytes[$0] == UInt8(ascii: "=") }
        guard !equals.isEmpty else { continue }
        let place = equals[random.below(equals.count)] + 1
        var end = place
        while end < bytes.count, bytes[end] != 10 { end += 1 }
        bytes.replaceSubrange(place..<end, with: words[random.below(words.count)].utf8)
      default:
        let line = "\n" + words[random.below(words.count)] + "\n"
        bytes.insert(contentsOf: line.utf8, at: at)
      }
    }
    return bytes
  }

  private func seconds(_ body: () -> Void) -> Double {
    let start = DispatchTime.now().uptimeNanoseconds
    body()
    return Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9
  }

  @Test func `broken cfgs`() throws {
    var random = Darknet.Random(seed: 2026)
    var (errors, results) = (0, 0)
    for _ in 0..<Self.count {
      let cfg = Self.mutate(Self.cfgs[random.below(Self.cfgs.count)], &random)
      let time = seconds {
        do {
          let config = try ConfigFile(text: cfg, name: "x.cfg")
          let network = try NetworkBuilder(batch: 1, memoryLimit: 1 << 33).build(config)
          _ = LayerTable.messages(of: network)
          _ = WeightsLayout(of: network, headerCount: 20, order: .alexeyab, isReading: true)
          results += 1
        } catch {
          #expect(!"\(error)".isEmpty)
          errors += 1
        }
      }
      #expect(time < 1, "\(String(decoding: cfg, as: UTF8.self))")
    }
    // Both happen, or the mutations are too weak or too strong.
    #expect(errors > Self.count / 20 && results > Self.count / 20)
  }

  @Test func `broken weights`() throws {
    let text = """
      [net]
      width=16
      height=16
      channels=3
      [convolutional]
      batch_normalize=1
      filters=6
      size=3
      pad=1
      activation=leaky
      [connected]
      output=5
      activation=linear
      """
    let network = try NetworkBuilder().build(ConfigFile(text: Array(text.utf8), name: "x.cfg"))
    let folder = try TemporaryFolder.make()
    let whole = folder.appendingPathComponent("whole.weights")
    try WeightsFile.write(
      Parameters(of: network, seed: 1), of: network, to: whole.path, seen: 12345)
    let bytes = Array(try Data(contentsOf: whole))
    var random = Darknet.Random(seed: 7)
    for _ in 0..<Self.count / 4 {
      var broken = bytes
      for _ in 0...random.below(3) {
        // Headers are worth more than weights.
        let at = random.below(
          random.below(2) == 0 ? min(24, max(broken.count, 1)) : max(broken.count, 1))
        switch random.below(4) {
        case 0 where !broken.isEmpty: broken[at] = UInt8(truncatingIfNeeded: random.next())
        case 1: broken.removeLast(broken.count - at)
        case 2: broken.insert(contentsOf: [UInt8](repeating: 0xFF, count: random.below(64)), at: at)
        default: broken += [UInt8](repeating: 1, count: random.below(5000))
        }
      }
      let file = folder.appendingPathComponent("broken.weights")
      try Data(broken).write(to: file)
      for force in [false, true] {
        let parameters = Parameters(of: network)
        let time = seconds {
          do {
            _ = try WeightsFile(file.path).load(into: parameters, of: network, force: force)
          } catch {
            #expect("\(error)".contains("broken.weights: byte "))
          }
        }
        #expect(time < 1)
      }
    }
  }
}
