import DarknetGraph
import DarknetKernels

/// Decides in which layout each map is written, and inserts conversions where a reader wants the
/// other one. Convolutions choose; what has kernels for blocks follows the map that it reads;
/// everything else runs on planes by its layer's own rule.
struct ChooseLayout: GraphPass {
  let name = "choose layout"
  /// The layers that are read after a run, as planes.
  let kept: [Int]

  func apply(to graph: inout Graph) {
    var state = State(graph)
    for step in graph.operators { state.place(step) }
    for layer in kept {
      let planes = state.need(graph.output(ofLayer: layer), .nchw)
      state.graph.kept.insert(planes)
      state.graph.setOutput(planes, ofLayer: layer)
    }
    graph = state.graph
  }
}

extension ChooseLayout {
  /// The graph as far as it has been rewritten.
  fileprivate struct State {
    var graph: Graph
    /// Each value in the layouts that it has been written in.
    private var written: [Graph.ValueID: [Graph.Layout: Graph.ValueID]] = [:]

    /// The layer that writes each value.
    private let makers: [Graph.ValueID: Int]

    typealias Layout = Graph.Layout

    init(_ graph: Graph) {
      makers = Dictionary(
        graph.layers.enumerated().map { ($1.output, $0) }, uniquingKeysWith: { first, _ in first })
      self.graph = graph
      self.graph.operators = []
      self.graph.kept = []
      written[Graph.input] = [.nchw: Graph.input]
    }

    /// A value in a layout, converted from the other one if it must be.
    mutating func need(_ value: Graph.ValueID, _ layout: Layout) -> Graph.ValueID {
      if let id = written[value]?[layout] { return id }
      guard let other = written[value]?.first?.value else {
        preconditionFailure("value \(value) was not computed")
      }
      let from = graph.values[other]
      let id = graph.makeValue(from.shape, type: from.type, layout: layout)
      let maker = makers[value] ?? 0
      graph.operators.append(
        .init(.convert(to: layout), [graph.whole(other)], [.init(id)], layers: maker...maker))
      written[value]![layout] = id
      return id
    }

    private func isBlocked(_ operand: Graph.Operand) -> Bool {
      written[operand.value]?[.nchw16c] != nil
    }

    mutating func place(_ step: Graph.Operator) {
      switch step.operation {
      case .convolution where step.implementation == ChooseAlgorithm.plain:
        write(step, reading: .nchw, writing: .nchw)
      case .convolution:
        let algorithm = step.packed!.algorithm
        let isPlanar = algorithm == .planar || algorithm == .im2col
        write(
          step, reading: isPlanar ? .nchw : .nchw16c,
          writing: algorithm == .im2col ? .nchw : .nchw16c)
      case .pointwiseDepthwise: write(step, reading: .nchw16c, writing: .nchw16c)
      case .opaque: write(step, reading: .nchw, writing: .nchw)
      case _ where runsOnBlocks(step): write(step, reading: .nchw16c, writing: .nchw16c)
      default:
        // The activation after it may be a layer of its own. What is written already is the output
        // of a layer between that does nothing.
        for layer in step.layers where written[graph.layers[layer].output] == nil {
          write(graph.opaque(layer), reading: .nchw, writing: .nchw)
        }
      }
    }

    /// Whether an operator that is not a convolution has its map in blocks, and a kernel for them.
    private func runsOnBlocks(_ step: Graph.Operator) -> Bool {
      guard let map = step.operand(.map) else { return false }
      switch step.operation {
      case .averageMap:
        let shape = graph.values[map.value].shape
        return shape.height == shape.width && isBlocked(map)
      case .concatenate, .slice:
        let lanes = Layout.blockChannels
        // Only the last of several may end within a block, where its own channels end.
        let isAligned = step.operands.enumerated().allSatisfy { number, operand in
          let isLast =
            number == step.operands.count - 1
            && operand.channels.upperBound == graph.values[operand.value].shape.channels
            && operand.channels.lowerBound == 0
          return operand.channels.lowerBound % lanes == 0
            && (operand.channels.count % lanes == 0 || isLast)
        }
        return isAligned && step.operands.contains { isBlocked($0) }
      default: return isBlocked(map)
      }
    }

    /// Appends an operator whose map is read in one layout and whose results are written in
    /// another; residuals and factors are in blocks.
    private mutating func write(
      _ step: Graph.Operator, reading: Layout, writing: Layout
    ) {
      var step = step
      let roles: [Graph.Operand.Role] = [.residual, .factors, .map]
      for role in roles {
        for index in step.operands.indices where step.operands[index].role == role {
          step.operands[index].value = need(
            step.operands[index].value, role == .map ? reading : .nchw16c)
        }
      }
      for result in step.results {
        let layout = result.role == .map ? writing : .nchw16c
        graph.setLayout(layout, of: result.value)
        written[result.value] = [layout: result.value]
      }
      graph.operators.append(step)
    }
  }
}
