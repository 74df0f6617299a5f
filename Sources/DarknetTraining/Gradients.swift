import DarknetNetwork
import DarknetTensors

/// dLoss/dParameter, summed over the mini-batches since the last update, for each parameter that
/// is trained.
///
/// They hold nothing else, so that sums of several processes can be added; what an optimiser keeps
/// from update to update is its own. Layers with `share_index` see the sums of the layer that they share.
package final class Gradients {
  /// One per parameter of each layer; nil for those not trained.
  package let buffers: [[FloatBuffer?]]

  package init(of network: Network) {
    var buffers: [[FloatBuffer?]] = []
    for node in network.nodes {
      if let shared = node.layer.sharesParametersOf {
        buffers.append(buffers[shared])
        continue
      }
      let isFrozen = node.index < network.firstTrainedLayer
      buffers.append(
        node.layer.parameters.map {
          $0.role.isTrained && !isFrozen ? FloatBuffer(count: $0.count) : nil
        })
    }
    self.buffers = buffers
  }

  /// Forgets all sums.
  package func zero() {
    for layer in buffers {
      for buffer in layer { buffer?.values.update(repeating: 0) }
    }
  }
}
