import DarknetLayers
import DarknetNetwork
import DarknetTensors

/// Where an executor keeps outputs, saved values and gradients of all layers in one arena.
///
/// The steps of an iteration are counted: layer i runs forward at step i, the losses are taken at
/// step n, and layer i runs backward at step 2n - i. An output and what its layer saved live until
/// the layer's backward pass (its readers' are earlier); a gradient lives from its first writer,
/// which is the last reader's backward pass or the loss, to that of its own layer. So gradients of
/// early layers take the places of late layers' outputs, and the arena is hardly larger than the
/// outputs and saved values alone.
struct TrainingLayout {
  /// Float offsets. `outputs` and `gradients` by layer, `input` of the network's input.
  let input: Int
  let outputs: [Int]
  let saved: [Int]
  let gradients: [Int]
  let workspace: Int
  /// Floats of the arena.
  let count: Int

  /// - Parameter keepsAll: nothing shares memory, so that all can be looked at afterwards.
  init(_ network: Network, batch: Int, isTraining: Bool, keepsAll: Bool) {
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
    for node in network.nodes {
      // Layers that are not trained have no backward pass, but trained readers may look at them.
      let done = node.index >= first ? end - node.index : end - first
      let isTrained = isTraining && node.index >= first
      blocks.append(
        Block(
          count: batch * node.outputShape.count, lifetime: lifetime(node.index, done)))
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
      $0.layer.workspaceCount(batch: batch, isTraining: isTraining && $0.index >= first)
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
  }
}
