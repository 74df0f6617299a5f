import DarknetGraph
import DarknetKernels

/// What others ask of a layer beside running it, so that nobody has to ask of which type it is.
///
/// Each fact has the answer of most layers here; a layer of which it is not true answers in its own
/// file.
package protocol LayerFacts: Sendable {
  /// What `batch_normalize=` means in the sections of this layer.
  static var batchNormalizeOption: BatchNormalizeOption { get }

  /// The convolution that the layer is, before any blur; nil for layers of another kind.
  var convolution: ConvolutionGeometry? { get }

  /// How the numbers of the parameters belong to channels.
  var weightOrder: WeightOrder { get }

  /// What is added to a variance where batch norm is folded into the weights, as Darknet's
  /// `denormalize` does it.
  var foldingEpsilon: Double { get }

  /// Whether the output may be made of fewer channels than an input has, so that a passage
  /// (`ChannelFlow`) of some of them says all.
  var takesPartOfChannels: Bool { get }

  /// Whether the layer only compares its input with the truth, so that the network's output is that
  /// of an earlier layer.
  var onlyCompares: Bool { get }

  /// Whether the layer, at a classifier's end, has an output for each class and no others.
  var hasOutputForEachClass: Bool { get }

  /// Whether AlexeyAB's table counts the layer's output in `avg_outputs`.
  var averageOutputs: AverageOutputs { get }
}

extension LayerFacts {
  package static var batchNormalizeOption: BatchNormalizeOption { .ignored }
  package var convolution: ConvolutionGeometry? { nil }
  package var weightOrder: WeightOrder { .unknown }
  package var foldingEpsilon: Double { 1e-5 }
  package var takesPartOfChannels: Bool { false }
  package var onlyCompares: Bool { false }
  package var hasOutputForEachClass: Bool { false }
  package var averageOutputs: AverageOutputs { .ifInputIsMap }
}

/// What `batch_normalize=` means in a section.
package enum BatchNormalizeOption: Sendable {
  /// Nothing.
  case ignored
  /// Batch norm of the layer's one product, which can be folded into the weights and taken out of
  /// them again.
  case ofLayer
  /// Batch norm of each part of a recurrent layer, which can be folded only.
  case ofParts
}

/// How the numbers of a layer's parameters belong to channels.
package enum WeightOrder: Hashable, Sendable {
  /// Weights are rows, one a filter, with `taps` numbers for each input channel.
  case filters(taps: Int)
  /// Weights are rows, one an output, with a number for each value of the input.
  case products
  /// There is one number a channel in each parameter.
  case channelwise
  /// Another order, or no weights: such layers are transferred whole.
  case unknown
}

/// Which outputs AlexeyAB's `avg_outputs` is the mean of: a map is more than one pixel wide and high.
package enum AverageOutputs: Sendable {
  case ifInputIsMap, ifOutputIsMap, always, never
}
