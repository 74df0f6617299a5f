import DarknetKernels
import DarknetLayers
import DarknetNetwork
import DarknetTensors
import DarknetText

/// Changes to trained weights that need no training: folding batch norm, colour order, averages.
package enum WeightEditor {
  /// Where a layer's batch norm is in its parameters, and how the weights fall into rows.
  private struct Normalized {
    var biases: FloatBuffer
    var scales: FloatBuffer
    var means: FloatBuffer
    var variances: FloatBuffer
    var weights: FloatBuffer
    var rows: Int
  }

  /// The batch norm of a layer with weights, or of each part of a recurrent one.
  private static func normalized(_ node: Network.Node, _ parameters: Parameters) -> [Normalized] {
    guard node.layer.sharesParametersOf == nil else { return [] }
    let named = Dictionary(
      zip(node.layer.parameters.map(\.name), parameters.buffers[node.index]),
      uniquingKeysWith: { first, _ in first })
    return named.compactMap { name, scales in
      // Parts have their name in front: `wf.scales`.
      guard name.hasSuffix("scales") else { return nil }
      let part = name.dropLast("scales".count)
      guard let biases = named[part + "biases"], let means = named[part + "rolling_mean"],
        let variances = named[part + "rolling_variance"], let weights = named[part + "weights"]
      else { return nil }
      return Normalized(
        biases: biases, scales: scales, means: means, variances: variances, weights: weights,
        rows: biases.count)
    }
  }

  /// w' = w k, b' = b - mean k with k = scale / sqrt(variance + 1e-5); scales, means and variances
  /// become 1, 0 and 1.
  package static func foldBatchNormalization(of network: Network, _ parameters: Parameters) throws {
    for node in network.nodes {
      for layer in normalized(node, parameters) {
        fold(layer, epsilon: node.layer.foldingEpsilon)
      }
    }
  }

  private static func fold(_ layer: Normalized, epsilon: Double) {
    let columns = layer.weights.count / layer.rows
    for row in 0..<layer.rows {
      let k =
        Double(layer.scales.pointer[row])
        / (Double(layer.variances.pointer[row]) + epsilon).squareRoot()
      let bias = Double(layer.biases.pointer[row]) - Double(layer.means.pointer[row]) * k
      layer.biases.pointer[row] = Float(bias)
      for i in row * columns..<(row + 1) * columns {
        layer.weights.pointer[i] = Float(Double(layer.weights.pointer[i]) * k)
      }
      layer.scales.pointer[row] = 1
      layer.means.pointer[row] = 0
      layer.variances.pointer[row] = 1
    }
  }

  /// The same values for a cfg whose layers have `batch_normalize=0`.
  package static func withoutBatchNormalization(
    _ network: Network, _ parameters: Parameters
  ) throws -> (Network, Parameters) {
    try converted(network, parameters, isNormalized: false)
  }

  /// The same values for a cfg whose layers have `batch_normalize=1`; the variance is 0, as
  /// Darknet writes it.
  package static func withBatchNormalization(
    _ network: Network, _ parameters: Parameters
  ) throws -> (Network, Parameters) {
    try converted(network, parameters, isNormalized: true)
  }

  private static func converted(
    _ network: Network, _ parameters: Parameters, isNormalized: Bool
  ) throws -> (Network, Parameters) {
    let target = try network.settingBatchNormalization(isNormalized)
    let result = Parameters(of: target, randomize: false)
    for node in target.nodes where node.layer.sharesParametersOf == nil {
      let old = Dictionary(
        zip(
          network.nodes[node.index].layer.parameters.map(\.name),
          parameters.buffers[node.index]), uniquingKeysWith: { first, _ in first })
      for (parameter, buffer) in zip(node.layer.parameters, result.buffers[node.index]) {
        if let source = old[parameter.name] {
          buffer.pointer.update(from: source.pointer, count: buffer.count)
        } else if parameter.role == .scale {
          buffer.values.update(repeating: 1)
        }
      }
    }
    return (target, result)
  }

  /// x of 0...1 becomes 2x - 1 in -1...1 before the first convolution: w' = 2 w,
  /// b' = b - sum(w' / 2).
  ///
  /// - Throws: `ConfigError` if the network does not begin with a convolution of three channels.
  package static func rescaleFirstConvolution(
    of network: Network, _ parameters: Parameters
  ) throws {
    let (geometry, weights, biases) = try firstConvolution(of: network, parameters)
    let columns = geometry.columnHeight
    for filter in 0..<geometry.filters {
      var sum: Float = 0
      for i in filter * columns..<(filter + 1) * columns {
        weights.pointer[i] *= 2
        sum += weights.pointer[i]
      }
      biases.pointer[filter] -= 0.5 * sum
    }
  }

  /// Exchanges the planes of red and blue in every filter of the first convolution.
  package static func swapColors(of network: Network, _ parameters: Parameters) throws {
    let (geometry, weights, _) = try firstConvolution(of: network, parameters)
    let taps = geometry.size * geometry.size
    for filter in 0..<geometry.filters {
      let row = weights.pointer + filter * geometry.columnHeight
      for i in 0..<taps { swap(&row[i], &row[2 * taps + i]) }
    }
  }

  private static func firstConvolution(
    of network: Network, _ parameters: Parameters
  ) throws -> (ConvolutionGeometry, weights: FloatBuffer, biases: FloatBuffer) {
    let node = network.nodes[0]
    guard let geometry = node.layer.convolution, geometry.channelsPerGroup == 3,
      let weights = node.layer.parameters.firstIndex(where: { $0.role == .weight }),
      let biases = node.layer.parameters.firstIndex(where: { $0.role == .bias })
    else {
      throw ConfigError(
        file: network.file, line: node.line, section: node.name,
        expected: "a first layer that is a convolution of three channels",
        found: "[\(node.name)] of \(network.inputShape)", fix: "choose another cfg")
    }
    let buffers = parameters.buffers[0]
    return (geometry, buffers[weights], buffers[biases])
  }

  // MARK: Averages

  /// sum += other, for every parameter.
  package static func add(_ other: Parameters, to sum: Parameters, of network: Network) {
    for node in network.nodes where node.layer.sharesParametersOf == nil {
      for (x, y) in zip(other.buffers[node.index], sum.buffers[node.index]) {
        for i in 0..<y.count { y.pointer[i] += x.pointer[i] }
      }
    }
  }

  /// Multiplies every parameter by `factor`.
  package static func scale(_ parameters: Parameters, of network: Network, by factor: Float) {
    for node in network.nodes where node.layer.sharesParametersOf == nil {
      for buffer in parameters.buffers[node.index] {
        for i in 0..<buffer.count { buffer.pointer[i] *= factor }
      }
    }
  }
}
