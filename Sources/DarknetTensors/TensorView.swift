/// A borrowed tensor [N, C, H, W]: memory that somebody else owns, seen as `batch` feature maps.
public struct TensorView {
  public let pointer: UnsafeMutablePointer<Float>
  /// N: images, or time steps times streams for recurrent layers.
  public let batch: Int
  public let shape: Shape

  @inlinable
  public init(_ pointer: UnsafeMutablePointer<Float>, batch: Int, shape: Shape) {
    self.pointer = pointer
    self.batch = batch
    self.shape = shape
  }

  /// Elements of the whole batch.
  @inlinable public var count: Int { batch * shape.count }

  @inlinable public var values: UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: pointer, count: count)
  }

  /// Start of image `n`.
  @inlinable public func image(_ n: Int) -> UnsafeMutablePointer<Float> {
    pointer + n * shape.count
  }

  /// Image `n` alone, as a batch of one.
  @inlinable public func single(_ n: Int) -> TensorView {
    TensorView(image(n), batch: 1, shape: shape)
  }

  /// Start of channel `c` of image `n`.
  @inlinable public func channel(_ c: Int, ofImage n: Int) -> UnsafeMutablePointer<Float> {
    pointer + (n * shape.channels + c) * shape.area
  }

  /// The channels `range` of image `n`, which stand one after another.
  @inlinable public func channels(
    _ range: Range<Int>, ofImage n: Int
  ) -> UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(
      start: channel(range.lowerBound, ofImage: n), count: range.count * shape.area)
  }
}
