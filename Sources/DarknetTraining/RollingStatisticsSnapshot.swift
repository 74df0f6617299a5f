import DarknetNetwork

/// A copy of the rolling statistics of batch normalisation, which every forward pass of a training
/// moves: all that an iteration changes in the parameters before its update.
struct RollingStatisticsSnapshot {
  private var values: [(layer: Int, parameter: Int, numbers: [Float])] = []

  init(of network: Network, _ parameters: Parameters) {
    for node in network.nodes where node.layer.sharesParametersOf == nil {
      for (index, parameter) in node.layer.parameters.enumerated() where !parameter.role.isTrained {
        values.append((node.index, index, parameters.buffers[node.index][index].array))
      }
    }
  }

  /// Puts them back.
  func restore(in parameters: Parameters) {
    for (layer, index, numbers) in values {
      _ = parameters.buffers[layer][index].values.update(fromContentsOf: numbers)
    }
  }
}
