import Darknet
import DarknetCommandLine

/// `gradients CFG`: which gradients reach which channels of each layer.
enum GradientsCommand: Command {
  static let words = ["gradients"]
  static let about = "print from where, and how many layers later, gradients reach each layer"
  private static let json = Flag.optionalFile(
    "-json", "the complete result as JSON: to FILE, or to standard output instead of the table"
  ).written
  private static let picture = Flag.text(
    "-svg", "draw the layers with their gradients, by time and by source"
  ).written
  static let syntax = Syntax(
    [Words.cfg], flags: [json, picture],
    notes: """
      One row per group of channels that learn from the same gradients. G3 is a gradient of
      timestamp 3: it went through two layers since the loss. Shortcuts, routes and pools cost no
      time. 'from' says what emitted them: a loss, or the layer whose input's gradient they are.
      Channels of that input are in brackets where they take different paths.
      """)

  static func run(_ arguments: Arguments) throws -> ExitStatus {
    let network = try Load.network(arguments[Words.cfg], arguments, showsTable: false)
    let flow = try GradientFlow(network)
    switch arguments[json] {
    case .withoutFile: Console.out(json(network, flow))
    case .file(let path):
      Console.out(table(network, flow))
      try AtomicFile.write(to: path, json(network, flow))
    case .notGiven: Console.out(table(network, flow))
    }
    if let path = arguments[picture] {
      try AtomicFile.write(to: path, GradientPlot(network: network, flow: flow).text)
    }
    return .done
  }

  // MARK: Text

  private static func table(_ network: Network, _ flow: GradientFlow) -> String {
    var text = "layer                 channels  timestamps and sources\n"
    for row in flow.rows {
      let node = network.nodes[row.layer]
      for (number, group) in row.groups.enumerated() {
        let name = number == 0 ? "\(padded(row.layer, 5)) \(node.name)" : ""
        let range = "\(group.channels.lowerBound)-\(group.channels.upperBound - 1)"
        text += name.padded(to: 22) + range.leftPadded(to: 8) + "  "
        if group.arrivals.isEmpty {
          text += "no gradient\n"
        } else {
          text += sum(group.timestamps) + "  from " + sources(group) + "\n"
        }
      }
    }
    text += "timestamp combinations: \(flow.timestampCombinations)\n"
    text += "source combinations: \(flow.sourceCombinations)\n"
    let sums = flow.timestampSums
    let shown = sums.prefix(24).map { sum($0) }.joined(separator: ", ")
    return text + "sums of timestamps: \(sums.count) {\(shown)\(sums.count > 24 ? ", ..." : "")}\n"
  }

  /// G1+G3+G5, or the first, the last and the number of many.
  static func sum(_ timestamps: [Int]) -> String {
    if timestamps.count <= 8 { return timestamps.map { "G\($0)" }.joined(separator: "+") }
    return "G\(timestamps[0])+...+G\(timestamps[timestamps.count - 1]) (\(timestamps.count))"
  }

  private static func sources(_ group: GradientFlow.Group) -> String {
    let shown = group.arrivals.prefix(6).map {
      "\(name($0.emitter)) [\($0.slice.lowerBound)-\($0.slice.upperBound - 1)]"
    }
    let rest = group.arrivals.count - shown.count
    return shown.joined(separator: ", ") + (rest > 0 ? " and \(rest) more" : "")
  }

  static func name(_ emitter: GradientFlow.Emitter) -> String {
    switch emitter {
    case .loss(let layer): "loss \(layer)"
    case .layer(let layer): "\(layer)"
    }
  }

  // MARK: JSON

  private static func json(_ network: Network, _ flow: GradientFlow) -> String {
    let layers = flow.rows.map { row -> JSONText in
      .object([
        ("layer", .whole(row.layer)), ("type", .text(network.nodes[row.layer].name)),
        ("timestamp_combinations", .whole(row.timestampCombinations)),
        ("source_combinations", .whole(row.sourceCombinations)),
        ("groups", .list(row.groups.map { object($0) })),
      ])
    }
    let fields: [(String, JSONText)] = [
      ("cfg", .text(network.file)), ("losses", .wholes(flow.losses)),
      ("timestamp_combinations", .whole(flow.timestampCombinations)),
      ("source_combinations", .whole(flow.sourceCombinations)),
      ("timestamp_sums", .list(flow.timestampSums.map { .wholes($0) })),
      ("layers", .list(layers)),
    ]
    return JSONText.object(fields).text() + "\n"
  }

  private static func object(_ group: GradientFlow.Group) -> JSONText {
    .object([
      ("channels", bounds(group.channels)), ("timestamps", .wholes(group.timestamps)),
      ("arrivals", .list(group.arrivals.map { object($0) })),
    ])
  }

  private static func object(_ arrival: GradientFlow.Arrival) -> JSONText {
    let (kind, layer) =
      switch arrival.emitter {
      case .loss(let layer): ("loss", layer)
      case .layer(let layer): ("layer", layer)
      }
    return .object([
      ("source", .text(kind)), ("layer", .whole(layer)), ("slice", bounds(arrival.slice)),
      ("timestamps", .wholes(arrival.timestamps)),
    ])
  }

  /// The first channel, and the one after the last.
  private static func bounds(_ channels: Range<Int>) -> JSONText {
    .wholes([channels.lowerBound, channels.upperBound])
  }
}
