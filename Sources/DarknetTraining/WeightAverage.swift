import DarknetKernels
import DarknetNetwork

/// The exponential moving average of the trained parameters, which `ema_alpha` asks for.
///
/// From half of max_batches on: e = a e + (1 - a) w, started at w. A thousand iterations before
/// the end the average takes the parameters' place.
package final class WeightAverage {
  package let alpha: Float
  /// Averages of what is trained; what is not is copied from the present parameters by `update`.
  package let values: Parameters
  package internal(set) var isStarted = false
  private let network: Network

  /// nil where the cfg does not ask for it.
  package init?(_ network: Network) {
    guard network.net.emaAlpha != 0 else { return nil }
    alpha = network.net.emaAlpha
    self.network = network
    values = Parameters(of: network, randomize: false)
  }

  /// Whether the average follows iteration `iteration`.
  func isDue(_ iteration: Int) -> Bool { iteration >= network.net.maxBatches / 2 }

  /// Whether the parameters become the average after iteration `iteration`.
  func isApplied(_ iteration: Int) -> Bool {
    isStarted && iteration == network.net.maxBatches - 1000
  }

  func update(from parameters: Parameters) {
    let a = isStarted ? alpha : 0
    for (layer, buffers) in parameters.buffers.enumerated() {
      let node = network.nodes[layer]
      guard node.layer.sharesParametersOf == nil else { continue }
      for (index, buffer) in buffers.enumerated() {
        let average = values.buffers[layer][index]
        if !isStarted || !node.layer.parameters[index].role.isTrained {
          Vector.copy(buffer.pointer, to: average.pointer, count: buffer.count)
        } else {
          Vector.scale(average.pointer, by: a, count: buffer.count)
          Vector.axpy(1 - a, buffer.pointer, to: average.pointer, count: buffer.count)
        }
      }
    }
    isStarted = true
  }

  func apply(to parameters: Parameters) {
    for (layer, buffers) in parameters.buffers.enumerated() {
      let node = network.nodes[layer]
      for (index, buffer) in buffers.enumerated()
      where node.layer.parameters[index].role.isTrained {
        Vector.copy(values.buffers[layer][index].pointer, to: buffer.pointer, count: buffer.count)
      }
    }
  }
}
