/// The activation functions of Darknet, under their cfg names.
///
/// `apply` computes y = f(x); `scaleBySlope` multiplies a gradient by f'(x). As in Darknet the
/// slope is taken from the output y, except where y does not tell it: for swish, mish, hard_mish,
/// gelu and normalize_channels it is taken from the input, which must then be kept (`needsInput`).
/// (Darknet takes gelu's from y, which is not its derivative.)
///
/// The three `normalize_channels` functions mix the channels of a pixel: see `ChannelNormalizer`.
package enum Activation: String, CaseIterable, Sendable {
  case linear, logistic, loggy, relu, relu6, elu, selu, gelu, relie, leaky, revleaky, ramp, tanh
  case plse, stair, hardtan, lhtan, swish, mish
  case hardMish = "hard_mish"
  case normalizeChannels = "normalize_channels"
  case normalizeChannelsSoftmax = "normalize_channels_softmax"
  case normalizeChannelsSoftmaxMaxval = "normalize_channels_softmax_maxval"

  /// The activation that a cfg calls `cfgName`; nil if there is none.
  package init?(cfgName: String) { self.init(rawValue: cfgName) }

  package var cfgName: String { rawValue }

  /// Whether the slope needs the input x, so that a training pass must keep it.
  package var needsInput: Bool {
    switch self {
    case .swish, .mish, .hardMish, .gelu, .normalizeChannels: true
    default: false
    }
  }

  /// Whether the function mixes the channels of a pixel, so that it needs the shape.
  package var mixesChannels: Bool {
    switch self {
    case .normalizeChannels, .normalizeChannelsSoftmax, .normalizeChannelsSoftmaxMaxval: true
    default: false
    }
  }

  /// The slope below zero of those that are max(x, slope x); nil for the others.
  package var lowerSlope: Float? {
    switch self {
    case .linear: 1
    case .relu: 0
    case .leaky, .revleaky: 0.1
    case .relie: 0.01
    default: nil
    }
  }
}
