import DarknetConfig
import DarknetText

/// A line that Darknet prints, with its stream.
package struct Message: Hashable, Sendable {
  package enum Stream: Sendable { case standardOutput, standardError }

  package var stream: Stream
  /// With its line end.
  package var text: String

  package init(_ stream: Stream, _ text: String) {
    self.stream = stream
    self.text = text
  }
}

extension ReadingEvent {
  /// What Darknet prints.
  package var message: Message {
    switch self {
    case .defaultTaken(let key, let value):
      Message(.standardError, "\(key): Using default '\(value.text)'\n")
    case .unused(let option):
      Message(.standardError, "Unused field: '\(option.key) = \(option.value ?? "(null)")'\n")
    case .antialiased: Message(.standardOutput, "AA:  ")
    case .oldReorganization: Message(.standardOutput, "\n reorg_old \n")
    case .classWeights(let weights):
      Message(
        .standardOutput,
        " classes_multipliers: "
          + weights.map { fixed(Double($0), decimals: 1) + ", " }.joined() + "\n")
    case .suppression(let name, let number, let beta):
      Message(
        .standardOutput,
        "nms_kind: \(name) (\(number)), beta = \(fixed(Double(beta), decimals: 6)) \n")
    }
  }
}

extension ReadingEvent.DefaultValue {
  fileprivate var text: String {
    switch self {
    case .int(let value): "\(value)"
    case .float(let value): fixed(Double(value), decimals: 6)
    case .word(let word): word
    }
  }
}
