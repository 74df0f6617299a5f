/// A borrowed tensor [N, C, H, W]: memory that somebody else owns, seen as `batch` feature maps.
package struct TensorView {
  package let pointer: UnsafeMutablePointer<Float>
  /// N: images, or time steps times streams for recurrent layers.
  package let batch: Int
  package let shape: Shape

  @inlinable
  package init(_ pointer: UnsafeMutablePointer<Float>, batch: Int, shape: Shape) {
    self.pointer = pointer
    self.batch = batch
    self.shape = shape
  }

  /// Elements of the whole batch.
  @inlinable package var count: Int { batch * shape.count }

  @inlinable package var values: UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: pointer, count: count)
  }

  /// Start of image `n`.
  @inlinable package func image(_ n: Int) -> UnsafeMutablePointer<Float> {
    pointer + n * shape.count
  }

  /// Image `n` alone, as a batch of one.
  @inlinable package func single(_ n: Int) -> TensorView {
    TensorView(image(n), batch: 1, shape: shape)
  }

  /// Start of channel `c` of image `n`.
  @inlinable package func channel(_ c: Int, ofImage n: Int) -> UnsafeMutablePointer<Float> {
    pointer + (n * shape.channels + c) * shape.area
  }

  /// The channels `range` of image `n`, which stand one after another.
  @inlinable package func channels(
    _ range: Range<Int>, ofImage n: Int
  ) -> UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(
      start: channel(range.lowerBound, ofImage: n), count: range.count * shape.area)
  }
}
