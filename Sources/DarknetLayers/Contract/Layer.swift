import DarknetConfig
import DarknetGraph
import DarknetKernels
import DarknetTensors
import DarknetText

/// One section of a cfg: its options, its shape rule, its parameters in the order of the weights
/// file, its forward and its backward pass.
///
/// A layer is an immutable value. Outputs, gradients, saved values, workspace, recurrent state and
/// the parameters' values belong to the executor that runs it, so that an inference plan may share
/// buffers and a trainer may split batches without asking.
///
/// Adding a layer: write its file, add its type to `LayerRegistry`. `docs/adding-a-layer.md` walks
/// through one.
package protocol Layer: LayerFacts {
  /// Names of the section without brackets, the one that tables and manifests use first.
  static var sectionNames: [String] { get }

  /// Reads the options and infers shapes.
  ///
  /// - Throws: `ConfigError` at the option that is wrong.
  init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError)

  /// Absolute indices of the layers whose outputs are read, -1 for the network's input.
  var sources: [Int] { get }

  var outputShape: Shape { get }

  /// What the layer owns in a weights file, in file order of AlexeyAB's dialect.
  var parameters: [Parameter] { get }

  /// The order in which `parameters` stand in a file of `dialect`: indices, left out where that
  /// dialect stores none.
  func fileOrder(_ dialect: Dialect) -> [Int]

  /// Index of the layer whose parameters are used instead of own ones (`share_index`), else nil.
  var sharesParametersOf: Int? { get }

  /// Floats to keep from forward to backward, for a batch of this many images.
  func savedCount(batch: Int) -> Int

  /// Floats of scratch that a pass may overwrite, for a batch of this many images that `context`
  /// computes.
  func workspaceCount(batch: Int, isTraining: Bool, context: ComputeContext) -> Int

  /// Floats of recurrent state for this many parallel streams; 0 for feed-forward layers.
  func stateCount(streams: Int) -> Int

  /// Whether `backward` looks at the inputs' values; if nobody does, they need not be kept.
  var readsInputsInBackward: Bool { get }

  /// Whether `backward` looks at the output's values.
  var readsOutputInBackward: Bool { get }

  /// Which channels of the inputs the output's channels are made from.
  var channelFlow: ChannelFlow { get }

  /// Whether `backward` heeds `BackwardPass.replaces`, so that nobody need write zeros first.
  var supportsOverwrite: Bool { get }

  /// Filters that `weights_reject_freq` may compare; nil where two alike are no waste.
  var comparableFilters: FilterBank? { get }

  /// True if the output at inference is the only input, bit for bit.
  var isIdentityAtInference: Bool { get }

  /// Says by which operators the output at inference is made, so that executors may fuse them with
  /// their neighbours' and exporters may write them down. A layer that appends none runs by its own
  /// rule, `forward`, which stays the reference.
  func lower(into lowering: inout LayerLowering)

  /// Writes `pass.output` from `pass.inputs`.
  func forward(_ pass: ForwardPass)

  /// Adds dLoss/dInput to `pass.inputGradients` and dLoss/dParameter to `pass.parameterGradients`,
  /// from `pass.outputGradient`, which it may overwrite (it leaves the gradient before the layer's
  /// own activation there).
  func backward(_ pass: BackwardPass)

  /// What the layer's row of the table tells.
  var tableRow: TableRow { get }

  /// Operations that AlexeyAB's table counts for one image (`BF` is 1e-9 of it).
  var operations: Double { get }

  /// Multiplications and additions of the matrix products alone, which the command `ops` sums up.
  var productOperations: Int { get }
}

extension Layer {
  package static var name: String { sectionNames[0] }
  package var parameters: [Parameter] { [] }
  package func fileOrder(_ dialect: Dialect) -> [Int] { Array(parameters.indices) }
  package var sharesParametersOf: Int? { nil }
  package func savedCount(batch: Int) -> Int { 0 }
  package func workspaceCount(batch: Int, isTraining: Bool, context: ComputeContext) -> Int { 0 }
  package func stateCount(streams: Int) -> Int { 0 }
  package var readsInputsInBackward: Bool { true }
  package var readsOutputInBackward: Bool { true }
  package var supportsOverwrite: Bool { false }
  package var channelFlow: ChannelFlow { .mixes(groups: 1) }
  package var comparableFilters: FilterBank? { nil }
  package var isIdentityAtInference: Bool { false }
  package func lower(into lowering: inout LayerLowering) {}
  package var operations: Double { 0 }
  package var productOperations: Int { 0 }
}

/// The filters of a layer, one after the other in one of its parameters.
package struct FilterBank: Hashable, Sendable {
  /// Index of the parameter.
  package var parameter: Int
  package var filters: Int
  /// Weights of a filter.
  package var weights: Int
}

/// A layer that normalises by the batch's statistics while it trains.
package protocol BatchNormalizedLayer: Layer {
  /// Mean and variance of each channel in the last training pass, from what it saved; nil if the
  /// layer is set not to normalise.
  func batchStatistics(
    saved: UnsafeMutablePointer<Float>, batch: Int
  ) -> (mean: UnsafeBufferPointer<Float>, variance: UnsafeBufferPointer<Float>)?
}

/// A tensor that a layer owns and a weights file holds.
package struct Parameter: Hashable, Sendable {
  package enum Role: Sendable {
    /// Trained, with weight decay.
    case weight
    /// Trained, without decay.
    case bias
    /// Trained, without decay; not read where the cfg says `dontloadscales`.
    case scale
    /// Follows the batches; not read where the cfg says `dontloadscales`.
    case rollingMean
    /// Follows the batches; not read where the cfg says `dontloadscales`.
    case rollingVariance

    package var isTrained: Bool { self == .weight || self == .bias || self == .scale }
    package var isBatchNormalization: Bool { self != .weight && self != .bias }
  }

  /// Values before any training.
  package enum Initial: Hashable, Sendable {
    case constant(Float)
    /// `scale` times a uniform draw from -1...1.
    case uniform(scale: Float)
    /// `scale` times a standard normal draw.
    case normal(scale: Float)
    /// `mean` plus a uniform draw from -spread...spread.
    case around(mean: Float, spread: Float)
    /// Uniform draws for the first `count` values, zeros after them.
    case uniformHead(scale: Float, count: Int)
  }

  /// As errors and manifests name it: `biases`, `scales`, `rolling_mean`, `rolling_variance`,
  /// `weights`; parts of composite layers have a prefix (`input.weights`).
  package var name: String
  package var count: Int
  package var role: Role
  package var initial: Initial
  /// Rows and columns, for weights that very old files store transposed (connected layers).
  package var transposable: Matrix?
  /// Rows of a convolution's weights that `flipped=1` stores as columns.
  package var flipped: Matrix?

  package struct Matrix: Hashable, Sendable {
    package var rows: Int
    package var columns: Int
    package init(rows: Int, columns: Int) {
      self.rows = rows
      self.columns = columns
    }
  }

  package init(
    _ name: String, count: Int, role: Role, initial: Initial, transposable: Matrix? = nil,
    flipped: Matrix? = nil
  ) {
    self.name = name
    self.count = count
    self.role = role
    self.initial = initial
    self.transposable = transposable
    self.flipped = flipped
  }

  package static func biases(_ count: Int) -> Parameter {
    Parameter("biases", count: count, role: .bias, initial: .constant(0))
  }

  /// Scales, rolling mean and rolling variance of a batch normalisation.
  package static func batchNormalization(_ count: Int) -> [Parameter] {
    [
      Parameter("scales", count: count, role: .scale, initial: .constant(1)),
      Parameter("rolling_mean", count: count, role: .rollingMean, initial: .constant(0)),
      Parameter("rolling_variance", count: count, role: .rollingVariance, initial: .constant(0)),
    ]
  }
}

/// Where a layer is while it reads its options: what it may know of the network before it.
package struct LayerSite: Sendable {
  /// 0-based, `[net]` not counted.
  package var index: Int
  /// Output of the previous layer, or the network's input.
  package var inputShape: Shape
  /// The layers before this one.
  package var previous: [any Layer]
  /// Input of the whole network.
  package var networkShape: Shape
  /// Frames of a sequence (`time_steps` of `[net]`).
  package var timeSteps: Int
  /// Images per forward pass, before time steps.
  package var miniBatch: Int
  package var dialect: Dialect
  /// The cfg's path; files named in options (`tree=`, `map=`) are opened as the program's paths.
  package var readFile: @Sendable (String) -> [UInt8]?
  /// The sections of `previous`, for errors whose cause is there; empty if unknown.
  package var previousSections: ArraySlice<ConfigFile.Section>
  /// The sections after this one, for errors that would be the same there.
  package var laterSections: ArraySlice<ConfigFile.Section>

  package init(
    index: Int, inputShape: Shape, previous: [any Layer], networkShape: Shape, timeSteps: Int,
    miniBatch: Int, dialect: Dialect,
    readFile: @escaping @Sendable (String) -> [UInt8]? = { _ in nil },
    previousSections: ArraySlice<ConfigFile.Section> = [],
    laterSections: ArraySlice<ConfigFile.Section> = []
  ) {
    self.index = index
    self.inputShape = inputShape
    self.previous = previous
    self.networkShape = networkShape
    self.timeSteps = timeSteps
    self.miniBatch = miniBatch
    self.dialect = dialect
    self.readFile = readFile
    self.previousSections = previousSections
    self.laterSections = laterSections
  }

  /// Output of the layer before, or -1 for the input: the usual single source.
  package var previousIndex: Int { index - 1 }

  /// Output shape of layer `index`, or of the network's input for -1.
  package func shape(of index: Int) -> Shape {
    index < 0 ? networkShape : previous[index].outputShape
  }

  /// What to do about layers of different sizes that are to be joined here.
  ///
  /// The usual cause is an input whose sides are not multiples of the network's stride: maps that
  /// were halved and doubled again then differ by one.
  ///
  /// - Parameter otherwise: the advice if the input is not to blame.
  func sizeFix(otherwise: String) -> String {
    let (width, height) = (networkShape.width, networkShape.height)
    let stride = previous.reduce(1) { largest, layer in
      let shape = layer.outputShape
      guard shape.width > 1, shape.height > 1 else { return largest }
      return max(largest, Self.stride(width, shape.width), Self.stride(height, shape.height))
    }
    guard width % stride != 0 || height % stride != 0 else { return otherwise }
    let changes = [("width", width), ("height", height)].filter { $0.1 % stride != 0 }.map {
      let below = $1 / stride * stride
      let near = below == 0 ? "\(stride)" : "\(below) or \(below + stride)"
      return "\($0)=\(near) instead of \($1)"
    }
    return "make width= and height= of [net] multiples of \(stride): "
      + changes.joined(separator: ", ")
  }

  /// The power of two by which `side` was divided to give `result`, rounded up or down on the way.
  private static func stride(_ side: Int, _ result: Int) -> Int {
    var stride = 1
    // The next power is nearer, in the logarithm, while the quotient is above its root of two.
    while Double(side) / Double(result) > Double(stride) * 1.4143 { stride *= 2 }
    return stride
  }
}

extension OptionReader {
  /// Layers that one layer may read. No network comes near it; what looks at pairs of sources stays
  /// quick.
  private static let mostSources = 1024

  /// Layer indices, negative ones counted back from this layer, as absolute indices.
  ///
  /// - Throws: `ConfigError` if the option is missing, does not parse, or names no earlier layer.
  package mutating func layerIndices(
    _ key: String, before site: LayerSite
  ) throws(ConfigError) -> [Int] {
    guard let numbers = try ints(key) else {
      throw error(
        key, expected: "'\(key)=' with the index of an earlier layer", found: "no such option",
        fix: "add it; -1 is the layer before this one")
    }
    guard numbers.count <= Self.mostSources else {
      throw error(
        key, expected: "at most \(Self.mostSources) layers", found: "\(numbers.count)",
        fix: "join them in several steps")
    }
    var indices: [Int] = []
    for number in numbers {
      let index = number < 0 ? site.index + number : number
      guard index >= 0, index < site.index else {
        throw error(
          key, expected: "a layer before this one, layer \(site.index)",
          found: "\(number)" + (number < 0 ? " (layer \(index))" : ""),
          fix: site.index == 0
            ? "there is no earlier layer" : "use \(-site.index)...-1 or 0...\(site.index - 1)")
      }
      indices.append(index)
    }
    return indices
  }

  /// The single layer index that `key` must name.
  package mutating func layerIndex(
    _ key: String, before site: LayerSite
  ) throws(ConfigError) -> Int {
    let indices = try layerIndices(key, before: site)
    guard indices.count == 1 else {
      throw error(
        key, expected: "one layer index", found: "\(indices.count)", fix: "name one layer")
    }
    return indices[0]
  }
}
