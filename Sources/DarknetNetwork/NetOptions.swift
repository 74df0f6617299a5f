import DarknetConfig
import DarknetTensors
import DarknetText

/// The `[net]` section: input, batches, optimiser, schedule, augmentation.
package struct NetOptions: Sendable {
  /// Images per weight update.
  package var batch = 1
  /// Mini-batches that a batch is split into.
  package var subdivisions = 1
  package var timeSteps = 1
  package var width = 0
  package var height = 0
  package var channels = 0
  /// Flat input size, for networks without pictures.
  package var inputs = 0
  package var schedule = LearningRateSchedule()
  package var momentum: Float = 0.9
  package var weightDecay: Float = 0.0001
  package var maxBatches = 0
  package var adam: Adam?
  package var emaAlpha: Float = 0
  package var augmentation = AugmentationOptions()
  package var letterBox = false
  package var track = false
  /// With `track`: frames of a sequence are taken in steps of 1 to this many.
  package var augmentSpeed = 2
  package var resizeStep: Float = 32
  package var contrastive = false
  /// Similar filters are reinitialised at this interval of iterations; 0 is never.
  package var weightsRejectFrequency = 0

  package struct Adam: Hashable, Sendable {
    package var beta1: Float
    package var beta2: Float
    package var epsilon: Float
  }

  package init() {}

  /// Images per forward pass, before time steps.
  package var miniBatch: Int { max(batch / max(subdivisions, 1), 1) }

  /// Images per update, frames of sequences among them.
  package var imagesPerUpdate: Int { miniBatch * timeSteps * subdivisions }

  /// Input shape; networks without pictures have a vector.
  package var inputShape: Shape {
    width * height * channels > 0
      ? Shape(channels: channels, height: height, width: width) : Shape(vector: inputs)
  }

  /// Reads `[net]`, and notes in `options` what Darknet prints.
  ///
  /// - Throws: `ConfigError` at the option that is wrong.
  package init(_ options: inout OptionReader, dialect: Dialect) throws(ConfigError) {
    batch = try options.size("batch", default: 1, loud: true)
    schedule.learningRate = try options.float("learning_rate", default: 0.001, loud: true)
    schedule.minimum = try options.float("learning_rate_min", default: 0.00001)
    momentum = try options.float("momentum", default: 0.9, loud: true)
    weightDecay = try options.float("decay", default: 0.0001, loud: true)
    subdivisions = try options.size("subdivisions", default: 1, loud: true)
    timeSteps = try options.size("time_steps", default: 1)
    if batch < timeSteps { batch = timeSteps }
    try readInput(&options)
    try readOptimiser(&options, dialect: dialect)
    augmentation = try AugmentationOptions(&options, width: width)
    try readHeuristics(&options)
    // The programs read these two in different orders, which their messages show.
    func readMaxBatches(_ options: inout OptionReader) throws(ConfigError) -> Int {
      try options.int("max_batches", default: 0, loud: true, in: 0...Int(Int32.max))
    }
    if dialect == .alexeyab { maxBatches = try readMaxBatches(&options) }
    try schedule.read(&options)
    if dialect == .pjreddie { maxBatches = try readMaxBatches(&options) }
    schedule.maxBatches = maxBatches
    Self.noteOptionsWithoutEffect(&options, dialect: dialect)
  }

  private static func noteOptionsWithoutEffect(_ options: inout OptionReader, dialect: Dialect) {
    options.readWithoutEffect(
      "use_cuda_graph", "optimized_memory", because: "only Darknet's GPU code uses it")
    options.readWithoutEffect(
      "loss_scale", off: 1, because: "only Darknet's GPU code uses it")
    options.readWithoutEffect(
      "workspace_size_limit_MB", off: 1024, because: "only Darknet's GPU code uses it")
    options.readWithoutEffect(
      "attention", "adversarial_lr", "contrastive_jit_flip", "contrastive_color", "unsupervised",
      because: "Darknet's adversarial and unsupervised training is not implemented")
    options.readWithoutEffect(
      "sequential_subdivisions", "seq_scales", because: "sequences keep their length")
    options.readWithoutEffect("dynamic_minibatch", because: "the mini-batch keeps its size")
    options.readWithoutEffect(
      "try_fix_nan", because: "a training that diverges stops instead")
    options.readWithoutEffect(
      "equidistant_point", "badlabels_rejection_percentage", "num_sigmas_reject_badlabels",
      because: "no label is rejected late in a training")
    options.readWithoutEffect("max_chart_loss", off: 20, because: "the chart fits its loss axis")
    options.readWithoutEffect("show_receptive_field", because: "the table has no such lines")
    guard dialect == .pjreddie else { return }
    options.readWithoutEffect(
      "notruth", "random", "max_ratio", "min_ratio", "center", "clip",
      because: "pictures are cropped by min_crop and max_crop")
  }

  private mutating func readInput(_ options: inout OptionReader) throws(ConfigError) {
    height = try options.int("height", default: 0, in: 0...65_536)
    width = try options.int("width", default: 0, in: 0...65_536)
    channels = try options.int("channels", default: 0, in: 0...65_536)
    let (area, areaOverflows) = width.multipliedReportingOverflow(by: height)
    let (count, overflows) = area.multipliedReportingOverflow(by: channels)
    guard !areaOverflows, !overflows, count <= Int(Int32.max) else {
      throw options.error(
        "width", expected: "an input of less than 2^31 values",
        found: "\(width)x\(height)x\(channels)", fix: "choose a smaller input")
    }
    inputs = try options.int("inputs", default: count, in: 0...Int(Int32.max))
    guard count > 0 || inputs > 0 else {
      throw options.error(
        nil, expected: "width, height and channels, or inputs",
        found: "none (No input parameters supplied)",
        fix: "add them, for instance width=416, height=416, channels=3")
    }
  }

  private mutating func readOptimiser(
    _ options: inout OptionReader, dialect: Dialect
  ) throws(ConfigError) {
    let usesAdam = try options.flag("adam")
    let isOriginal = dialect == .pjreddie
    let isLoud = isOriginal && usesAdam
    let adam = Adam(
      beta1: try options.float("B1", default: 0.9, loud: isLoud),
      beta2: try options.float("B2", default: 0.999, loud: isLoud),
      epsilon: try options.float("eps", default: isOriginal ? 1e-7 : 1e-6, loud: isLoud))
    self.adam = usesAdam ? adam : nil
    emaAlpha = try options.float("ema_alpha", default: 0)
  }

  private mutating func readHeuristics(_ options: inout OptionReader) throws(ConfigError) {
    letterBox = try options.flag("letter_box")
    track = try options.flag("track")
    augmentSpeed = try options.size("augment_speed", default: 2)
    resizeStep = try options.float("resize_step", in: 1...4096) ?? 32
    contrastive = try options.flag("contrastive")
    weightsRejectFrequency = try options.int("weights_reject_freq", default: 0)
  }
}
