import DarknetConfig
import DarknetKernels
import DarknetTensors

extension OptionReader {
  /// The `activation=` of a layer.
  ///
  /// - Throws: `ConfigError` for a name that is no activation (Darknet goes on with ReLU).
  mutating func activation(
    _ key: String = "activation", default fallback: Activation, loud: Bool = false
  ) throws(ConfigError) -> Activation {
    let name = try string(key, default: fallback.cfgName, loud: loud)
    if let activation = Activation(cfgName: name) { return activation }
    let near = nearestName(to: name, among: Activation.allCases.map(\.cfgName))
    throw error(
      key, expected: "an activation", found: "'\(name)'",
      fix: near.map { "did you mean '\($0)'?" } ?? "see docs/cfg-options.md for the names")
  }
}

extension Activation {
  /// Floats that a training pass keeps for the slope: the input, where the output does not tell it.
  func savedCount(_ count: Int) -> Int { needsInput ? count : 0 }

  /// y = f(x) in place; keeps x in `saved` if a training pass will need it.
  package func apply(to y: TensorView, keepingInputIn saved: UnsafeMutablePointer<Float>?) {
    if needsInput, let saved { Vector.copy(y.pointer, to: saved, count: y.count) }
    if mixesChannels {
      for n in 0..<y.batch {
        ChannelNormalizer.apply(
          self, y.image(n), channels: y.shape.channels, area: y.shape.area)
      }
    } else {
      apply(y.pointer, y.count)
    }
  }

  /// dy *= f'(x) in place.
  func scaleBySlope(
    _ dy: TensorView, output y: TensorView, savedInput: UnsafeMutablePointer<Float>?
  ) {
    if mixesChannels {
      for n in 0..<y.batch {
        ChannelNormalizer.scaleBySlope(
          self, dy.image(n), output: y.image(n), channels: y.shape.channels, area: y.shape.area)
      }
    } else {
      scaleBySlope(dy.pointer, output: y.pointer, savedInput: savedInput, y.count)
    }
  }
}
