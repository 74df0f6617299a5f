import DarknetKernels
import DarknetLayers
import DarknetNetwork
import DarknetTensors

/// Where an executor keeps outputs, saved values and gradients of all layers in one arena.
///
/// The steps of an iteration are counted: layer i runs forward at step i, the losses are taken at
/// step n, and layer i runs backward at step 2n - i. What a layer saved lives until its backward
/// pass; an output until the last pass that looks at it, forward or backward; a gradient from its
/// first writer, which is the last reader's backward pass or the loss, to that of its own layer. So
/// gradients of early layers take the places of late layers' outputs, and the arena is hardly
/// larger than the values that must be kept.
struct TrainingLayout {
  /// Float offsets. `outputs` and `gradients` by layer, `input` of the network's input.
  let input: Int
  let outputs: [Int]
  let saved: [Int]
  let gradients: [Int]
  let workspace: Int
  /// Whether an output is still there when the losses are taken.
  let isKept: [Bool]
  /// Floats of the arena.
  let count: Int

  /// - Parameter keepsAll: nothing shares memory, so that all can be looked at afterwards.
  init(_ network: Network, batch: Int, isTraining: Bool, keepsAll: Bool, context: ComputeContext) {
    let n = network.nodes.count
    let first = network.firstTrainedLayer
    let end = 2 * n
    var lastReader = Array(0..<n)
    for node in network.nodes {
      for source in node.layer.sources where source >= 0 {
        lastReader[source] = max(lastReader[source], node.index)
      }
    }
    typealias Block = ArenaLayout.Block
    func lifetime(_ start: Int, _ stop: Int) -> ClosedRange<Int> {
      keepsAll || !isTraining ? 0...end : start...stop
    }
    var blocks = [
      Block(count: batch * network.inputShape.count, lifetime: lifetime(0, end))
    ]
    let lastUse = Self.lastUses(of: network, context.arithmetic)
    for node in network.nodes {
      let done = node.index >= first ? end - node.index : end - first
      let isTrained = isTraining && node.index >= first
      blocks.append(
        Block(
          count: batch * node.outputShape.count,
          lifetime: lifetime(node.index, lastUse[node.index])))
      blocks.append(
        Block(
          count: isTrained ? node.layer.savedCount(batch: batch) : 0,
          lifetime: lifetime(node.index, done)))
      let isLoss = node.layer is any LossLayer
      let needsGradient = isTrained && (isLoss || lastReader[node.index] > node.index)
      blocks.append(
        Block(
          count: needsGradient ? batch * node.outputShape.count : 0,
          lifetime: lifetime(isLoss ? n : end - lastReader[node.index], end - node.index)))
    }
    let scratch = network.nodes.map {
      $0.layer.workspaceCount(
        batch: batch, isTraining: isTraining && $0.index >= first, context: context)
    }
    blocks.append(Block(count: scratch.max() ?? 0, lifetime: 0...end))
    let layout = ArenaLayout(blocks)
    let offsets = layout.offsets
    input = offsets[0]
    outputs = (0..<n).map { offsets[1 + 3 * $0] }
    saved = (0..<n).map { offsets[2 + 3 * $0] }
    gradients = (0..<n).map { offsets[3 + 3 * $0] }
    workspace = offsets[offsets.count - 1]
    count = layout.count
    isKept = lastUse.map { keepsAll || !isTraining || $0 >= n }
  }

  /// The last step that looks at each output.
  private static func lastUses(of network: Network, _ arithmetic: Arithmetic) -> [Int] {
    let n = network.nodes.count
    let first = network.firstTrainedLayer
    var last = Array(0..<n)
    for node in network.nodes {
      let isTrained = node.index >= first
      let back = 2 * n - node.index
      // In the reference order no slope is joined with the normalisation before it.
      if isTrained, node.layer.readsOutputInBackward || arithmetic == .reference {
        last[node.index] = back
      }
      for source in node.layer.sources where source >= 0 {
        let use = isTrained && node.layer.readsInputsInBackward ? back : node.index
        last[source] = max(last[source], use)
      }
    }
    // Losses, and whoever asks for the network's outputs.
    for node in network.nodes
    where node.layer is any LossLayer || network.readers(of: node.index).isEmpty
      || node.index == network.outputIndex
    {
      last[node.index] = max(last[node.index], n)
    }
    return last
  }
}
