import CKernels
import DarknetGraph

/// The matrix of which a convolution is the product: row (c, ky, kx), column = output pixel.
package enum Im2col {
  /// Fills columns `pixels` (indices y * outWidth + x) of the rows that `channels` planes at
  /// `planes` give; rows are `rowStride` floats apart, the first column is at `columns`.
  package static func fill(
    _ columns: UnsafeMutablePointer<Float>, rowStride: Int, from planes: UnsafePointer<Float>,
    channels: Int, pixels: Range<Int>, _ geometry: ConvolutionGeometry
  ) {
    var window = geometry.window
    ck_im2col(&window, planes, channels, pixels.lowerBound, pixels.count, columns, rowStride)
  }

  /// The whole matrix of `channels` planes: [channels * size * size, outArea].
  package static func fill(
    _ columns: UnsafeMutablePointer<Float>, from planes: UnsafePointer<Float>, channels: Int,
    _ geometry: ConvolutionGeometry
  ) {
    fill(
      columns, rowStride: geometry.outArea, from: planes, channels: channels,
      pixels: 0..<geometry.outArea, geometry)
  }

  /// Adds each value of the matrix to the element of `planes` that `fill` took it from.
  package static func scatter(
    _ columns: UnsafePointer<Float>, rowStride: Int, to planes: UnsafeMutablePointer<Float>,
    channels: Int, pixels: Range<Int>, _ geometry: ConvolutionGeometry
  ) {
    var window = geometry.window
    ck_col2im(&window, columns, rowStride, channels, pixels.lowerBound, pixels.count, planes)
  }

  /// The whole matrix.
  package static func scatter(
    _ columns: UnsafePointer<Float>, to planes: UnsafeMutablePointer<Float>, channels: Int,
    _ geometry: ConvolutionGeometry
  ) {
    scatter(
      columns, rowStride: geometry.outArea, to: planes, channels: channels,
      pixels: 0..<geometry.outArea, geometry)
  }
}
