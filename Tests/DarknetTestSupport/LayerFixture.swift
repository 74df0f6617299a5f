import DarknetConfig
import DarknetLayers
import DarknetNetwork
import DarknetSystem
import DarknetTensors
import DarknetText
import DarknetTraining
import DarknetTranscript

/// One layer, run without a network.
///
/// `inputs[0]` is the shape of the previous layer's output, `inputs[k]` that of layer -(k + 1):
/// `from=-2` reads `inputs[1]`. All buffers are guarded and start as NaN, so that writes past an
/// end and reads of what nobody wrote are found.
///
///     let run = try LayerFixture<ShortcutLayer>(
///       "[shortcut]\nfrom=-2", inputs: [shape(2, 1, 2), shape(2, 1, 2)])
///     #expect(run.forward([1, 2, 3, 4], [10, 20, 30, 40]) == [11, 22, 33, 44])
///     #expect(run.worstGradientError(batch: 2, seed: 7) < 1e-4)
package final class LayerFixture<L: Layer> {
  package let layer: L
  package let inputShapes: [Shape]
  package let timeSteps: Int
  package let messages: [Message]
  package let unusedFields: [String]
  /// Values of the layer's parameters, in their order; random ones from the start.
  package var parameters: [[Float]]
  /// Seed of the layer's own random draws.
  package var drawSeed: UInt64 = 1

  /// - Parameters:
  ///   - cfg: one section, from its line in brackets on; errors name the file `net.cfg`.
  ///   - networkShape: the whole network's input, if it differs from `inputs[0]`.
  package init(
    _ cfg: String, inputs: [Shape], dialect: Dialect = .alexeyab, timeSteps: Int = 1,
    networkShape: Shape? = nil, net: NetOptions = NetOptions(), parameterSeed: UInt64 = 11,
    readFile: @escaping @Sendable (String) -> [UInt8]? = { _ in nil }
  ) throws {
    let file = try ConfigFile(text: Array(cfg.utf8), name: "net.cfg")
    var options = OptionReader(file.sections[0], file: file.name)
    let site = LayerSite(
      index: inputs.count, inputShape: inputs[0],
      previous: inputs.reversed().map { GivenLayer(outputShape: $0) },
      networkShape: networkShape ?? inputs[0], timeSteps: timeSteps, miniBatch: net.miniBatch,
      dialect: dialect, readFile: readFile)
    layer = try L(&options, at: site)
    inputShapes = inputs
    self.timeSteps = timeSteps
    messages = options.events.map(\.message)
    unusedFields = options.unusedOptions.map { ReadingEvent.unused($0).message.text }
    var random = Random(seed: parameterSeed)
    parameters = layer.parameters.map { parameter in
      (0..<parameter.count).map { _ in parameter.role.testValue(&random) }
    }
  }

  // MARK: Running

  private struct Run {
    var batch: Int
    var inputs: [GuardedBuffer]
    var parameters: [GuardedBuffer]
    var output: GuardedBuffer
    var saved: GuardedBuffer
    var workspace: GuardedBuffer
    var state: GuardedBuffer
    var isTraining: Bool
  }

  /// Index in `inputShapes` of each source.
  private var sourceInputs: [Int] { layer.sources.map { inputShapes.count - 1 - $0 } }

  private func makeRun(_ values: [[Float]], batch: Int, isTraining: Bool) -> Run {
    Run(
      batch: batch, inputs: values.map { GuardedBuffer($0) },
      parameters: parameters.map { GuardedBuffer($0) },
      output: GuardedBuffer(count: batch * layer.outputShape.count),
      saved: GuardedBuffer(count: isTraining ? layer.savedCount(batch: batch) : 0),
      workspace: GuardedBuffer(
        count: layer.workspaceCount(batch: batch, isTraining: isTraining, context: .shared)),
      state: GuardedBuffer(count: layer.stateCount(streams: batch / timeSteps), filledWith: 0),
      isTraining: isTraining)
  }

  private func view(_ buffer: GuardedBuffer, _ shape: Shape, _ run: Run) -> TensorView {
    TensorView(buffer.pointer, batch: run.batch, shape: shape)
  }

  private func pass(_ run: Run) -> ForwardPass {
    ForwardPass(
      batch: run.batch, timeSteps: timeSteps, isTraining: run.isTraining,
      inputs: sourceInputs.map { view(run.inputs[$0], inputShapes[$0], run) },
      output: view(run.output, layer.outputShape, run),
      parameters: run.parameters.map(\.pointer), saved: run.saved.pointer,
      workspace: run.workspace.pointer, state: run.state.pointer, seed: drawSeed, context: .shared)
  }

  private func check(_ run: Run) {
    for buffer in run.inputs + run.parameters + [run.output, run.saved, run.workspace, run.state] {
      precondition(buffer.isIntact, "[\(L.name)] wrote outside of its memory")
    }
  }

  private func restart(_ run: Run) {
    run.state.values.update(repeating: 0)
    run.workspace.values.update(repeating: .nan)
    run.output.values.update(repeating: .nan)
    run.saved.values.update(repeating: .nan)
    for (buffer, values) in zip(run.parameters, parameters) { buffer.array = values }
  }

  /// The output for the given inputs, from fresh recurrent state.
  package func forward(
    _ inputs: [Float]..., batch: Int = 1, isTraining: Bool = false
  ) -> [Float] {
    forward(inputs: inputs, batch: batch, isTraining: isTraining)
  }

  package func forward(inputs: [[Float]], batch: Int = 1, isTraining: Bool = false) -> [Float] {
    let run = makeRun(inputs, batch: batch, isTraining: isTraining)
    layer.forward(pass(run))
    check(run)
    return run.output.array
  }

  /// The rolling statistics, one parameter after another, that a training pass leaves.
  package func rollingStatistics(after inputs: [Float]..., batch: Int = 1) -> [Float] {
    let run = makeRun(inputs, batch: batch, isTraining: true)
    layer.forward(pass(run))
    return zip(layer.parameters, run.parameters).filter { !$0.0.role.isTrained }
      .flatMap { $0.1.array }
  }

  /// Outputs for successive inputs, recurrent state carried on.
  package func forwardSequence(_ inputs: [[Float]], batch: Int = 1) -> [[Float]] {
    var run = makeRun([inputs[0]], batch: batch, isTraining: false)
    return inputs.map {
      run.inputs = [GuardedBuffer($0)]
      layer.forward(pass(run))
      check(run)
      return run.output.array
    }
  }

  /// dLoss/dInput, one per input shape, and dLoss/dParameter, zeros for those not trained.
  package struct Gradients {
    package var inputs: [[Float]]
    package var parameters: [[Float]]
    /// What the layer left in its output's gradient.
    package var outputGradient: [Float]
  }

  /// A training pass forward and back.
  package func backward(
    _ inputs: [Float]..., outputGradient: [Float], batch: Int = 1
  ) -> Gradients {
    backward(inputs: inputs, outputGradient: outputGradient, batch: batch)
  }

  package func backward(
    inputs: [[Float]], outputGradient: [Float], batch: Int = 1
  ) -> Gradients {
    let run = makeRun(inputs, batch: batch, isTraining: true)
    layer.forward(pass(run))
    return backward(run, outputGradient)
  }

  private func backward(_ run: Run, _ outputGradient: [Float]) -> Gradients {
    // Gradients are added to: what is there already must stay.
    let start: Float = 0.5
    let dInputs = run.inputs.map { GuardedBuffer(count: $0.count, filledWith: start) }
    let dParameters = zip(run.parameters, layer.parameters).map {
      $1.role.isTrained ? GuardedBuffer(count: $0.count, filledWith: start) : nil
    }
    let dy = GuardedBuffer(outputGradient)
    run.workspace.values.update(repeating: .nan)
    layer.backward(
      BackwardPass(
        forward: pass(run), outputGradient: view(dy, layer.outputShape, run),
        inputGradients: sourceInputs.map { view(dInputs[$0], inputShapes[$0], run) },
        parameterGradients: dParameters.map { $0?.pointer }))
    check(run)
    for buffer in dInputs + dParameters.compactMap({ $0 }) + [dy] {
      precondition(buffer.isIntact, "[\(L.name)] wrote outside of a gradient")
    }
    checkPromises(run, outputGradient, dInputs, start)
    return Gradients(
      inputs: dInputs.map { $0.array.map { $0 - start } },
      parameters: zip(dParameters, run.parameters).map { gradient, values in
        gradient.map { $0.array.map { $0 - start } } ?? [Float](repeating: 0, count: values.count)
      },
      outputGradient: dy.array)
  }

  /// Gradients that replace what was there must be those that were added to `start`, and values
  /// that the layer claims not to look at must not matter.
  private func checkPromises(
    _ run: Run, _ outputGradient: [Float], _ added: [GuardedBuffer], _ start: Float
  ) {
    let inputs = run.inputs.map(\.array)
    let output = run.output.array
    if !layer.readsInputsInBackward {
      for buffer in run.inputs { buffer.values.update(repeating: .nan) }
    }
    if !layer.readsOutputInBackward { run.output.values.update(repeating: .nan) }
    defer {
      for (buffer, values) in zip(run.inputs, inputs) { buffer.array = values }
      run.output.array = output
    }
    let replaces = layer.supportsOverwrite
    let fresh = added.map { GuardedBuffer(count: $0.count, filledWith: replaces ? .nan : 0) }
    let dy = GuardedBuffer(outputGradient)
    var seen: Set<Int> = []
    layer.backward(
      BackwardPass(
        forward: pass(run), outputGradient: view(dy, layer.outputShape, run),
        inputGradients: sourceInputs.map { view(fresh[$0], inputShapes[$0], run) },
        replaces: sourceInputs.map { replaces && seen.insert($0).inserted },
        parameterGradients: layer.parameters.map { _ in nil }))
    for index in Set(sourceInputs) {
      precondition(fresh[index].isIntact, "[\(L.name)] wrote outside of a gradient")
      for (a, b) in zip(fresh[index].values, added[index].values) {
        precondition(
          abs(a + start - b) <= 1e-5 * max(1, abs(b)), "[\(L.name)] replaced by other values")
      }
    }
  }

  // MARK: Gradient check

  /// The worst relative error of the gradients of every input and every trained parameter.
  package func worstGradientError(
    batch: Int = 2, seed: UInt64 = 7, in range: ClosedRange<Double> = -1...1,
    tolerance: Double = 1e-4, largestStep: Float = 1 / 32
  ) -> Double {
    gradientErrors(
      batch: batch, seed: seed, in: range, tolerance: tolerance, largestStep: largestStep
    ).map(\.error).max() ?? 0
  }

  /// The worst error of each input and each trained parameter, for a random linear functional of
  /// the output as the loss.
  ///
  /// - Parameters:
  ///   - inputs: the inputs' values; random ones from `range` if nil.
  ///   - tolerance: smaller steps are tried for values whose error is above half of it.
  package func gradientErrors(
    batch: Int = 2, seed: UInt64 = 7, in range: ClosedRange<Double> = -1...1,
    inputs: [[Float]]? = nil, tolerance: Double = 1e-4, largestStep: Float = 1 / 32
  ) -> [GradientCheck.Worst] {
    let inputs =
      inputs
      ?? inputShapes.enumerated().map {
        Values.random(batch * $1.count, seed: seed &+ UInt64($0), in: range)
      }
    let run = makeRun(inputs, batch: batch, isTraining: true)
    let functional = Values.random(run.output.count, seed: seed &+ 100)
    layer.forward(pass(run))
    let gradients = backward(run, functional)
    let difference = { [self] (move: (Float) -> Void, h: Float) -> Double in
      move(h)
      restart(run, keepingParameters: true)
      layer.forward(pass(run))
      let above = run.output.array
      move(-h)
      restart(run, keepingParameters: true)
      layer.forward(pass(run))
      return zip(functional, zip(above, run.output.array)).reduce(0) {
        $0 + Double($1.0) * (Double($1.1.0) - Double($1.1.1))
      }
    }
    var errors: [GradientCheck.Worst] = []
    for (k, buffer) in run.inputs.enumerated() where sourceInputs.contains(k) {
      errors.append(
        GradientCheck.worst(
          "input \(k)", of: buffer.values, gradient: gradients.inputs[k], tolerance: tolerance,
          largestStep: largestStep, difference: difference))
    }
    restart(run)
    for (k, parameter) in layer.parameters.enumerated() where parameter.role.isTrained {
      errors.append(
        GradientCheck.worst(
          parameter.name, of: run.parameters[k].values, gradient: gradients.parameters[k],
          tolerance: tolerance, largestStep: largestStep, difference: difference))
    }
    check(run)
    return errors
  }

  private func restart(_ run: Run, keepingParameters: Bool) {
    let moved = run.parameters.map(\.array)
    restart(run)
    // Rolling statistics follow every training pass; what is trained stays where it was moved.
    for (k, parameter) in layer.parameters.enumerated() where parameter.role.isTrained {
      run.parameters[k].array = moved[k]
    }
  }
}

extension LayerFixture where L: LossLayer {
  /// The loss of the layer's output for the given inputs, and its gradient.
  package func loss(
    _ inputs: [Float]..., truth: Truth, batch: Int = 1, progress: TrainingProgress = .init()
  ) -> (report: LossReport, gradient: [Float])? {
    let run = makeRun(inputs, batch: batch, isTraining: true)
    layer.forward(pass(run))
    let gradient = GuardedBuffer(count: run.output.count, filledWith: 0)
    let report = layer.loss(
      LossPass(
        forward: pass(run), truth: truth, progress: progress,
        gradient: view(gradient, layer.outputShape, run)))
    check(run)
    precondition(gradient.isIntact, "[\(L.name)] wrote outside of its gradient")
    return report.map { ($0, gradient.array) }
  }
}

extension Parameter.Role {
  /// A value at which every formula is well conditioned.
  func testValue(_ random: inout Random) -> Float {
    switch self {
    case .weight: random.uniform(-0.8, 0.8)
    case .bias, .rollingMean: random.uniform(-0.4, 0.4)
    case .scale: random.uniform(0.7, 1.3)
    case .rollingVariance: random.uniform(0.5, 1.5)
    }
  }
}

/// Stands for a layer that only has an output.
struct GivenLayer: Layer {
  static let sectionNames = ["given"]
  var outputShape: Shape
  var sources: [Int] { [] }

  init(outputShape: Shape) { self.outputShape = outputShape }
  init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    outputShape = site.inputShape
  }
  func forward(_ pass: ForwardPass) {}
  func backward(_ pass: BackwardPass) {}
  var tableRow: TableRow { .empty }
}
