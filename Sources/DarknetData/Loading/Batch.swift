import DarknetGeometry
import DarknetSystem
import DarknetTensors

/// Pictures and truths for one forward and backward pass.
///
/// Its memory goes back to the loader when nobody holds it any more.
package final class Batch: @unchecked Sendable {
  /// The update that it belongs to, from 1.
  package let iteration: Int
  /// Its place among the batches of the iteration, from 0.
  package let part: Int
  package let images: Int
  package let shape: Shape
  /// [N, C, H, W], 0...1.
  package let input: FloatBuffer
  /// Detectors: the objects of each picture, in parts of the input. Empty for classifiers.
  package internal(set) var truth: [[GroundTruth]]
  /// Classifiers: [N, classes], the share of each class. Empty for detectors.
  package internal(set) var classShares: [[Float]]
  /// The pictures drawn, as places in the list; the first of each row if rows are mixed.
  package internal(set) var pictures: [Int]
  /// Problems that nobody has heard of yet.
  package internal(set) var problems: [DataProblem] = []
  /// How long `next` had to wait for it.
  package internal(set) var waitSeconds = 0.0

  private let pool: BufferPool

  init(iteration: Int, part: Int, images: Int, shape: Shape, isDetection: Bool, pool: BufferPool) {
    self.iteration = iteration
    self.part = part
    self.images = images
    self.shape = shape
    self.pool = pool
    input = pool.take(images * shape.count)
    truth = isDetection ? Array(repeating: [], count: images) : []
    classShares = isDetection ? [] : Array(repeating: [], count: images)
    pictures = Array(repeating: 0, count: images)
  }

  deinit { pool.give(input) }
}

/// Memory of batches that are done with, as fresh pages cost time to be zeroed.
final class BufferPool: Sendable {
  private let free = Locked<[FloatBuffer]>([])
  private let limit: Int

  init(limit: Int) { self.limit = limit }

  /// A buffer of `count` with any content. Those of another size are let go: the network's input
  /// has changed.
  func take(_ count: Int) -> FloatBuffer {
    let reused = free.withLock { free in
      free.removeAll { $0.count != count }
      return free.popLast()
    }
    return reused ?? FloatBuffer(count: count)
  }

  func give(_ buffer: FloatBuffer) {
    free.withLock { free in
      if free.count < limit { free.append(buffer) }
    }
  }
}
