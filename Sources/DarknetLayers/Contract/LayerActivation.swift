import DarknetConfig
import DarknetGraph
import DarknetKernels
import DarknetTensors
import DarknetText

extension OptionReader {
  /// The `activation=` of a layer.
  ///
  /// - Throws: `ConfigError` for an unknown name (Darknet continues with ReLU).
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
  package func apply(
    to y: TensorView, keepingInputIn saved: UnsafeMutablePointer<Float>?, context: ComputeContext
  ) {
    if self == .linear { return }
    if mixesChannels {
      if needsInput, let saved { Vector.copy(y.pointer, to: saved, count: y.count) }
      for n in 0..<y.batch {
        ChannelNormalizer.apply(
          self, y.image(n), channels: y.shape.channels, area: y.shape.area)
      }
    } else {
      Self.inParts(y.count, context) { start, count in
        if needsInput, let saved { Vector.copy(y.pointer + start, to: saved + start, count: count) }
        apply(y.pointer + start, count, context.arithmetic)
      }
    }
  }

  /// The gradient by y becomes that by x, in place: dy *= f'(x), or more where f mixes channels.
  func scaleBySlope(
    _ dy: TensorView, output y: TensorView, savedInput: UnsafeMutablePointer<Float>?,
    context: ComputeContext
  ) {
    if mixesChannels {
      for n in 0..<y.batch {
        ChannelNormalizer.scaleBySlope(
          self, dy.image(n), output: y.image(n),
          savedInput: savedInput.map { $0 + n * y.shape.count }, channels: y.shape.channels,
          area: y.shape.area)
      }
    } else if self != .linear {
      Self.inParts(y.count, context) { start, count in
        scaleBySlope(
          dy.pointer + start, output: y.pointer + start, savedInput: savedInput.map { $0 + start },
          count)
      }
    }
  }

  /// Parts that keep a thread busy for some microseconds; whole vectors, so that the values do not
  /// depend on the cut.
  private static func inParts(
    _ count: Int, _ context: ComputeContext, _ body: (_ start: Int, _ count: Int) -> Void
  ) {
    let part = 1 << 14
    context.run((count + part - 1) / part) { index in
      body(index * part, min(part, count - index * part))
    }
  }
}
