import DarknetGraph
import DarknetKernels
import DarknetNetwork
import DarknetTensors

/// A network made ready to run: batch norm folded into the weights, layers joined, memory shared
/// between maps that never live at once, everything decided before the first picture.
///
/// It reads the network and the parameters when it is made, and keeps neither's memory. One plan
/// runs one batch at a time; make more for more threads of your own.
public final class InferencePlan {
  package let network: Network
  /// Images per run.
  package let batch: Int
  /// Layers whose outputs can be read after a run.
  package let kept: Set<Int>

  private let steps: [PlanStep]
  private let memory: PlanMemory
  private let arena: FloatBuffer
  private let states: [FloatBuffer]
  private let graph: Graph
  private let places: [Graph.ValueID: PlanStorage.Place]
  /// Who computes.
  package let context: ComputeContext
  /// Threads that scratch memory was made for.
  private let threads: Int

  /// How convolutions are computed.
  public enum Convolutions: Sendable {
    /// The fastest kernels for each layer's shape.
    case fastest
    /// im2col and matrix products only, layer by layer, as `-exact` asks.
    case exact
  }

  /// - Parameters:
  ///   - keeping: layers whose outputs must survive the run, beside the network's heads; nil for
  ///     all of them.
  ///   - context: who computes. Its pool may not grow once the plan is made.
  ///   - afterPacking: called when a layer's parameters are not looked at any more.
  package init(
    _ network: Network, parameters: Parameters, batch: Int = 1, keeping: Set<Int>? = [],
    convolutions: Convolutions = .fastest, context: ComputeContext = .shared,
    afterPacking: @escaping () -> Void = {}
  ) {
    threads = context.threads
    self.network = network
    self.batch = batch
    kept = keeping.map { $0.union(network.readOutputs) } ?? Set(network.nodes.indices)
    let streams = max(batch / network.net.timeSteps, 1)
    states = network.nodes.map { FloatBuffer(count: $0.layer.stateCount(streams: streams)) }
    let graph = Self.passes(convolutions, kept: kept).reduce(
      into: network.graph(keeping: kept)
    ) { graph, pass in pass.apply(to: &graph) }
    let reuse = ReuseMemory(graph, batch: batch)
    self.graph = graph
    self.context = context
    places = reuse.places
    steps = StepBuilder(
      network: network, parameters: parameters, graph: graph, memory: reuse, batch: batch,
      states: states, context: context, afterPacking: afterPacking
    ).build()
    let scratch = steps.map(\.workspaceBytes).max() ?? 0
    arena = FloatBuffer(count: (reuse.storage.count + scratch) / MemoryLayout<Float>.stride)
    let start = UnsafeMutableRawPointer(arena.pointer)
    memory = PlanMemory(
      arena: start, workspace: start + reuse.storage.count, storage: reuse.storage)
  }

  /// Where pictures go: [N, C, H, W], values 0...1. A run may overwrite it.
  package var inputView: TensorView { output(-1) }

  /// Output of layer `index` after a run.
  ///
  /// - Precondition: the layer is a head, the network's output or one of those kept.
  package func output(_ index: Int) -> TensorView {
    precondition(index < 0 || kept.contains(index), "layer \(index) was not kept")
    return TensorView(
      memory.floats(places[graph.output(ofLayer: index)]!), batch: batch,
      shape: network.shape(of: index))
  }

  /// Computes all layers from `inputView`.
  ///
  /// - Parameter onLayer: called after each step with the last layer that it computed.
  package func run(onLayer: ((Int) -> Void)? = nil) {
    precondition(
      context.threads <= threads, "the pool has grown since the plan was made")
    for step in steps {
      step.run(memory)
      onLayer?(step.layer)
    }
  }

  /// What each step does, for tables: the last layer that it computes, and how.
  package var description: [(layer: Int, what: String)] { steps.map { ($0.layer, $0.what) } }

  /// Forgets the recurrent state, as at the start of a sequence.
  package func resetState() {
    for state in states where state.count > 0 { state.values.update(repeating: 0) }
  }

  /// Bytes of maps and scratch.
  package var memoryCount: Int { arena.count * 4 }

  /// Bytes of maps that live while each step runs: of maps that are waiting for a partial shortcut,
  /// only the channels that it adds (and the rest of their block).
  package var liveBytes: [Int] {
    memory.storage.liveCounts(steps: graph.operators.count)
  }
}
