import CKernels
import DarknetGraph

extension ConvolutionGeometry {
  /// The sampling as the C kernels take it.
  var window: ck_window {
    ck_window(
      height: height, width: width, out_height: outHeight, out_width: outWidth, size: size,
      stride_x: strideX, stride_y: strideY, padding: padding, dilation: dilation)
  }
}
