import CKernels
import DarknetGraph

/// How the activation functions are computed.
extension Activation {
  /// x = f(x), in place.
  ///
  /// - Precondition: not `mixesChannels`.
  package func apply(
    _ values: UnsafeMutablePointer<Float>, _ count: Int, _ arithmetic: Arithmetic
  ) {
    if self == .linear { return }
    if arithmetic == .reference, ReferenceOrder.apply(self, values, count) { return }
    kernels.pointee.activate(kernelCode, values, count)
  }

  /// dy = dy f'(x), in place.
  ///
  /// - Parameters:
  ///   - output: y = f(x); used unless `needsInput`.
  ///   - savedInput: x; used, and required, if `needsInput`.
  /// - Precondition: not `mixesChannels`.
  package func scaleBySlope(
    _ dy: UnsafeMutablePointer<Float>, output: UnsafePointer<Float>,
    savedInput: UnsafePointer<Float>?, _ count: Int
  ) {
    if self == .linear { return }
    if needsInput {
      guard let savedInput else { preconditionFailure("the slope of \(cfgName) needs its input") }
      kernels.pointee.scale_by_slope(kernelCode, dy, savedInput, count)
    } else {
      kernels.pointee.scale_by_slope(kernelCode, dy, output, count)
    }
  }

  /// The number by which the C kernels know the function.
  package var kernelCode: Int32 {
    let code: ck_activation =
      switch self {
      case .linear: CK_LINEAR
      case .logistic: CK_LOGISTIC
      case .loggy: CK_LOGGY
      case .relu: CK_RELU
      case .relu6: CK_RELU6
      case .elu: CK_ELU
      case .selu: CK_SELU
      case .gelu: CK_GELU
      case .relie: CK_RELIE
      case .leaky, .revleaky: CK_LEAKY
      case .ramp: CK_RAMP
      case .tanh: CK_TANH
      case .plse: CK_PLSE
      case .stair: CK_STAIR
      case .hardtan: CK_HARDTAN
      case .lhtan: CK_LHTAN
      case .swish: CK_SWISH
      case .mish: CK_MISH
      case .hardMish: CK_HARD_MISH
      case .normalizeChannels, .normalizeChannelsSoftmax, .normalizeChannelsSoftmaxMaxval:
        preconditionFailure("\(cfgName) acts on whole pixels")
      }
    return Int32(code.rawValue)
  }
}
