import DarknetKernels
import DarknetLayers
import DarknetNetwork
import DarknetTensors

/// `weights_reject_freq`: now and then the more redundant one of a layer's two most similar
/// filters is reinitialised, as long as three quarters of max_batches are not reached.
struct SimilarFilters {
  /// Cosine similarity from which on a filter is redundant.
  static let threshold = 0.4

  /// A filter that was reinitialised.
  struct Rejection: Sendable {
    var layer: Int
    var filter: Int
    var similarity: Double
  }

  static func isDue(_ iteration: Int, _ net: NetOptions) -> Bool {
    net.weightsRejectFrequency > 0 && iteration % net.weightsRejectFrequency == 0
      && iteration < net.maxBatches * 3 / 4
  }

  /// One filter of each convolution that has a nonlinear activation, is not the first layer and
  /// does not stand within three layers before a head.
  static func reject(
    in network: Network, parameters: Parameters, random: inout Random
  ) -> [Rejection] {
    var rejections: [Rejection] = []
    for node in network.nodes where node.index > 0 && node.index >= network.firstTrainedLayer {
      guard let bank = node.layer.comparableFilters,
        !network.nodes[node.index...].prefix(4).contains(where: { $0.layer is any DetectionHead })
      else { continue }
      let weights = parameters.buffers[node.index][bank.parameter]
      let count = bank.weights
      guard
        let found = mostRedundant(weights.pointer, filters: bank.filters, count: count),
        found.similarity > threshold
      else { continue }
      let scale = (2 / Double(max(count, 1))).squareRoot()
      for i in 0..<count {
        weights.pointer[found.filter * count + i] = random.uniform(-scale, scale)
      }
      rejections.append(
        Rejection(layer: node.index, filter: found.filter, similarity: found.similarity))
    }
    return rejections
  }

  /// Of the two most similar filters, the one that is more like all others.
  private static func mostRedundant(
    _ weights: UnsafePointer<Float>, filters: Int, count: Int
  ) -> (filter: Int, similarity: Double)? {
    guard filters > 1 else { return nil }
    let lengths = (0..<filters).map { f in
      Vector.dot(weights + f * count, weights + f * count, count: count).squareRoot()
    }
    var best = (a: 0, b: 1, similarity: -Double.infinity)
    var sums = [Double](repeating: 0, count: filters)
    for a in 0..<filters {
      for b in (a + 1)..<max(filters, a + 1) {
        let product = lengths[a] * lengths[b]
        guard product > 0 else { continue }
        let similarity =
          Vector.dot(weights + a * count, weights + b * count, count: count) / product
        sums[a] += similarity
        sums[b] += similarity
        if similarity > best.similarity { best = (a, b, similarity) }
      }
    }
    guard best.similarity.isFinite else { return nil }
    return (sums[best.a] >= sums[best.b] ? best.a : best.b, best.similarity)
  }
}
