import DarknetLayers
import DarknetTensors

/// The values of a network's parameters: one buffer per parameter of each layer, in the order of
/// `Layer.parameters`.
///
/// Layers with `share_index` see the buffers of the layer that they share.
package final class Parameters: @unchecked Sendable {
  package private(set) var buffers: [[FloatBuffer]]
  /// Rises whenever a buffer is replaced by another one, so that who keeps pointers notices.
  package private(set) var generation = 0

  /// Initial values, random ones drawn from `seed`.
  package init(of network: Network, seed: UInt64 = 0, randomize: Bool = true) {
    let root = Random(seed: seed)
    buffers = []
    for node in network.nodes {
      if let shared = node.layer.sharesParametersOf {
        buffers.append(buffers[shared])
        continue
      }
      var random = root.split(UInt64(node.index))
      buffers.append(
        node.layer.parameters.map { parameter in
          let buffer = FloatBuffer(count: parameter.count)
          if randomize { parameter.initial.fill(buffer.values, &random) }
          return buffer
        })
    }
  }

  /// Puts another buffer in the place of parameter `index` of a layer, and of those who share it.
  ///
  /// - Precondition: both have the same count.
  func replace(_ layer: Int, _ index: Int, by buffer: FloatBuffer, in network: Network) {
    precondition(buffers[layer][index].count == buffer.count, "a parameter keeps its size")
    generation += 1
    buffers[layer][index] = buffer
    for node in network.nodes where node.layer.sharesParametersOf == layer {
      buffers[node.index][index] = buffer
    }
  }

  /// Copies values that are views of a mapped file into memory of their own, which training wants:
  /// aligned, and independent of the file.
  package func detach(in network: Network) {
    for node in network.nodes where node.layer.sharesParametersOf == nil {
      for (index, buffer) in buffers[node.index].enumerated() where buffer.isBorrowed {
        replace(node.index, index, by: FloatBuffer(buffer.values), in: network)
      }
    }
  }

  /// Start of each parameter of a layer.
  package func pointers(_ layer: Int) -> [UnsafeMutablePointer<Float>] {
    buffers[layer].map(\.pointer)
  }
}

extension Parameter.Initial {
  /// Fills a parameter with its values before training.
  func fill(_ values: UnsafeMutableBufferPointer<Float>, _ random: inout Random) {
    switch self {
    case .constant(let value):
      if value != 0 { values.update(repeating: value) }
    case .uniform(let scale):
      for i in values.indices { values[i] = scale * random.uniform(-1, 1) }
    case .normal(let scale):
      for i in values.indices { values[i] = scale * Float(random.normal()) }
    case .around(let mean, let spread):
      for i in values.indices { values[i] = mean + spread * random.uniform(-1, 1) }
    case .uniformHead(let scale, let count):
      for i in values.indices.prefix(count) { values[i] = scale * random.uniform(-1, 1) }
    }
  }
}
