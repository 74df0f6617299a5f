import DarknetConfig
import DarknetGraph
import DarknetKernels
import DarknetTensors
import DarknetText

/// A layer inside another one: a connected layer or a convolution of a recurrent layer.
package struct LayerPart: Sendable {
  /// The prefix of its parameters' names, such as `input` or `wf`.
  package let name: String
  package let layer: any Layer
  package let inputShape: Shape
  /// Where its parameters stand among those of the whole layer.
  package let parameters: Range<Int>
}

/// The parts of a recurrent layer, in file order of AlexeyAB's dialect.
package struct LayerParts: Sendable {
  package private(set) var all: [LayerPart] = []
  /// The parameters of all parts, each with its part's name in front: `wf.biases`.
  package private(set) var parameters: [Parameter] = []

  /// Adds a part that reads maps of `inputShape`.
  mutating func add(_ name: String, _ layer: any Layer, inputShape: Shape) {
    let first = parameters.count
    for var parameter in layer.parameters {
      parameter.name = "\(name).\(parameter.name)"
      parameters.append(parameter)
    }
    all.append(
      LayerPart(
        name: name, layer: layer, inputShape: inputShape, parameters: first..<parameters.count))
  }

  func index(of name: String) -> Int? { all.firstIndex { $0.name == name } }

  /// The parameters' indices if a file has the parts in `order`.
  func fileOrder(_ order: [Int], _ dialect: Dialect) -> [Int] {
    order.flatMap { index in
      all[index].layer.fileOrder(dialect).map { all[index].parameters.lowerBound + $0 }
    }
  }

  /// The parts' rows of the layer table, in `order`.
  func rows(_ order: [Int]) -> [TableRow] { order.map { all[$0].layer.tableRow } }

  var operations: Double { all.reduce(0) { $0 + $1.layer.operations } }
  var productOperations: Int { all.reduce(0) { $0 + $1.layer.productOperations } }
}

/// What a recurrent layer keeps of each time step, in floats per stream.
package struct RecurrentMemory: Sendable {
  /// Values that the backward pass reads again.
  var slots: [Int]
  /// The slots that the next step reads: the recurrent state.
  var stateSlots: [Int]
  /// Scratch of the backward pass.
  var gradients: [Int]
}

/// A layer that reads a sequence and keeps a state from step to step.
///
/// A batch is [steps x streams, C, H, W], step-major: image `t * streams + b` is step `t` of
/// stream `b`. At inference the state lives on from call to call, so that a long sequence may come
/// in pieces; in training the executor clears it before each mini-batch, and the backward pass
/// goes back through all steps of the mini-batch.
package protocol RecurrentLayer: Layer {
  /// Steps of a sequence, `time_steps` of `[net]`.
  var timeSteps: Int { get }
  var parts: LayerParts { get }
  var memory: RecurrentMemory { get }
  /// Indices of the parts in the order of a weights file of `dialect`.
  func partOrder(_ dialect: Dialect) -> [Int]
}

extension RecurrentLayer {
  package var parameters: [Parameter] { parts.parameters }

  package func fileOrder(_ dialect: Dialect) -> [Int] {
    parts.fileOrder(partOrder(dialect), dialect)
  }

  package func partOrder(_ dialect: Dialect) -> [Int] { Array(parts.all.indices) }

  package static var batchNormalizeOption: BatchNormalizeOption { .ofParts }
  package var foldingEpsilon: Double { parts.all.first?.layer.foldingEpsilon ?? 1e-5 }

  package var productOperations: Int { parts.productOperations }

  private func streams(_ batch: Int) -> Int { max(batch / timeSteps, 1) }

  package func savedCount(batch: Int) -> Int {
    timeSteps * StepLayout(self, streams: streams(batch), isTraining: true).count
  }

  /// The parts' scratch, and after it the gradients of the backward pass, or the values of the
  /// step at hand: a frozen layer runs as at inference within a training executor's workspace.
  package func workspaceCount(batch: Int, isTraining: Bool, context: ComputeContext) -> Int {
    let streams = streams(batch)
    let step = StepLayout(self, streams: streams, isTraining: false).count
    let scratch = partsWorkspaceCount(streams: streams, isTraining: isTraining, context)
    guard isTraining else { return scratch + step }
    return scratch + max(step, gradientCount(streams: streams))
  }

  package func stateCount(streams: Int) -> Int {
    memory.stateSlots.reduce(0) { $0 + memory.slots[$1] } * streams
  }

  fileprivate func partsWorkspaceCount(
    streams: Int, isTraining: Bool, _ context: ComputeContext
  ) -> Int {
    parts.all.map {
      $0.layer.workspaceCount(batch: streams, isTraining: isTraining, context: context)
    }.max() ?? 0
  }

  /// The layer's own gradients, and a copy of a part's: parts overwrite theirs.
  fileprivate func gradientCount(streams: Int) -> Int {
    let copy = parts.all.map { $0.layer.outputShape.count }.max() ?? 0
    return (memory.gradients.reduce(0, +) + copy) * streams
  }
}

/// Float offsets of what one time step keeps: the layer's slots, then what its parts save.
private struct StepLayout {
  private(set) var slots: [Int] = []
  private(set) var saved: [Int] = []
  private(set) var count = 0

  init(_ layer: some RecurrentLayer, streams: Int, isTraining: Bool) {
    for slot in layer.memory.slots {
      slots.append(count)
      count += slot * streams
    }
    for part in layer.parts.all {
      saved.append(count)
      count += isTraining ? part.layer.savedCount(batch: streams) : 0
    }
  }
}

/// A pass over a sequence: where each step's values are, and how its parts run.
struct RecurrentRun {
  let steps: Int
  let streams: Int
  let isTraining: Bool
  var context: ComputeContext { pass.context }
  private let pass: ForwardPass
  private let parts: [LayerPart]
  private let memory: RecurrentMemory
  private let layout: StepLayout
  /// Values of step 0; at inference of any step.
  private let values: UnsafeMutablePointer<Float>
  private let gradients: UnsafeMutablePointer<Float>

  /// - Precondition: the batch is whole sequences of the layer's `timeSteps`.
  init(_ layer: some RecurrentLayer, _ pass: ForwardPass) {
    precondition(
      pass.timeSteps == layer.timeSteps && pass.batch % pass.timeSteps == 0,
      "\(pass.batch) images in \(pass.timeSteps) steps, for a layer of \(layer.timeSteps)")
    steps = pass.timeSteps
    streams = pass.batch / pass.timeSteps
    isTraining = pass.isTraining
    self.pass = pass
    parts = layer.parts.all
    memory = layer.memory
    layout = StepLayout(layer, streams: streams, isTraining: isTraining)
    let scratch = layer.partsWorkspaceCount(
      streams: streams, isTraining: isTraining, pass.context)
    gradients = pass.workspace + scratch
    values = isTraining ? pass.saved : gradients
  }

  // MARK: Where things are

  private func start(_ step: Int) -> UnsafeMutablePointer<Float> {
    values + (isTraining ? step * layout.count : 0)
  }

  /// Slot `index` of `step`: as many floats as the layer's memory says, times streams.
  func slot(_ index: Int, _ step: Int) -> UnsafeMutablePointer<Float> {
    start(step) + layout.slots[index]
  }

  /// Slot `index` of the step before `step`, or the state with which the pass began.
  ///
  /// - Precondition: it is one of the state's slots.
  func previous(_ index: Int, _ step: Int) -> UnsafeMutablePointer<Float> {
    isTraining && step > 0 ? slot(index, step - 1) : state(index)
  }

  private func state(_ index: Int) -> UnsafeMutablePointer<Float> {
    let before = memory.stateSlots.prefix { $0 != index }
    precondition(before.count < memory.stateSlots.count, "slot \(index) is not part of the state")
    return pass.state + before.reduce(0) { $0 + memory.slots[$1] } * streams
  }

  /// Ends a step: at inference its values make room for the next one's, and the state lives on.
  func carryState(from step: Int) {
    guard !isTraining else { return }
    for index in memory.stateSlots {
      Vector.copy(slot(index, step), to: state(index), count: memory.slots[index] * streams)
    }
  }

  /// Scratch `index` of the backward pass.
  func gradient(_ index: Int) -> UnsafeMutablePointer<Float> {
    gradients + memory.gradients.prefix(index).reduce(0, +) * streams
  }

  /// The images of `step`.
  func images(of view: TensorView, _ step: Int) -> UnsafeMutablePointer<Float> {
    view.image(step * streams)
  }

  // MARK: Parts

  private func pass(
    _ index: Int, _ step: Int, x: UnsafeMutablePointer<Float>, y: UnsafeMutablePointer<Float>
  ) -> ForwardPass {
    let part = parts[index]
    return ForwardPass(
      batch: streams, isTraining: isTraining,
      inputs: [TensorView(x, batch: streams, shape: part.inputShape)],
      output: TensorView(y, batch: streams, shape: part.layer.outputShape),
      parameters: Array(pass.parameters[part.parameters]), saved: start(step) + layout.saved[index],
      workspace: pass.workspace, state: pass.state, context: pass.context)
  }

  /// y = part(x)
  func forward(
    _ index: Int, _ step: Int, _ x: UnsafeMutablePointer<Float>,
    to y: UnsafeMutablePointer<Float>
  ) {
    parts[index].layer.forward(pass(index, step, x: x, y: y))
  }

  /// dx += part'(x) dy, and the part's share of the parameters' gradients. `dy` stays as it is.
  func backward(
    _ index: Int, _ step: Int, x: UnsafeMutablePointer<Float>, y: UnsafeMutablePointer<Float>,
    dy: UnsafeMutablePointer<Float>, dx: UnsafeMutablePointer<Float>?, in whole: BackwardPass
  ) {
    let part = parts[index]
    let shape = part.layer.outputShape
    let copy = gradient(memory.gradients.count)
    Vector.copy(dy, to: copy, count: shape.count * streams)
    part.layer.backward(
      BackwardPass(
        forward: pass(index, step, x: x, y: y),
        outputGradient: TensorView(copy, batch: streams, shape: shape),
        inputGradients: [dx.map { TensorView($0, batch: streams, shape: part.inputShape) }],
        parameterGradients: Array(whole.parameterGradients[part.parameters])))
  }
}

extension LayerParts {
  /// Adds a connected layer whose outputs `key` gives.
  mutating func addConnected(
    _ name: String, _ key: String, inputs: Int, outputs: Int, activation: Activation = .linear,
    isBatchNormalized: Bool, _ options: OptionReader, dialect: Dialect
  ) throws(ConfigError) {
    try options.checkWeights(key, rows: outputs, columns: inputs)
    add(
      name,
      ConnectedLayer(
        inputs: inputs, outputs: outputs, isBatchNormalized: isBatchNormalized,
        activation: activation, dialect: dialect),
      inputShape: Shape(vector: inputs))
  }
}
