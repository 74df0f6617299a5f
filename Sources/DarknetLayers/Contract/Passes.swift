import DarknetGeometry
import DarknetKernels
import DarknetTensors

/// What a forward pass reads and writes.
package struct ForwardPass {
  /// N: images, which is streams times time steps for recurrent networks, step-major.
  package var batch: Int
  package var timeSteps: Int
  package var isTraining: Bool
  /// One per entry of the layer's `sources`: [N, C, H, W].
  package var inputs: [TensorView]
  package var output: TensorView
  /// Values of the layer's `parameters`, in their order.
  package var parameters: [UnsafeMutablePointer<Float>]
  /// `savedCount` floats that the backward pass will see; only written when training.
  package var saved: UnsafeMutablePointer<Float>
  /// `workspaceCount` floats of scratch.
  package var workspace: UnsafeMutablePointer<Float>
  /// `stateCount` floats that live from call to call; zeros at a sequence's start.
  package var state: UnsafeMutablePointer<Float>
  /// Seed of this layer's random draws in this pass (dropout, crop).
  package var seed: UInt64
  /// Who computes. The workspace was made for it.
  package let context: ComputeContext

  package init(
    batch: Int, timeSteps: Int = 1, isTraining: Bool, inputs: [TensorView], output: TensorView,
    parameters: [UnsafeMutablePointer<Float>], saved: UnsafeMutablePointer<Float>,
    workspace: UnsafeMutablePointer<Float>, state: UnsafeMutablePointer<Float>, seed: UInt64 = 0,
    context: ComputeContext
  ) {
    self.batch = batch
    self.timeSteps = timeSteps
    self.isTraining = isTraining
    self.inputs = inputs
    self.output = output
    self.parameters = parameters
    self.saved = saved
    self.workspace = workspace
    self.state = state
    self.seed = seed
    self.context = context
  }

  /// The input of layers that have one.
  package var input: TensorView { inputs[0] }
}

/// What a backward pass reads, and where it adds.
///
/// Gradients are +dLoss/dx; Darknet's `delta` is their negative.
package struct BackwardPass {
  /// The pass whose gradient this is: same inputs, output, saved values and seed.
  package var forward: ForwardPass
  /// dLoss/dOutput. The layer may overwrite it.
  package var outputGradient: TensorView
  /// One per input, to be added to; nil where nobody needs it.
  package var inputGradients: [TensorView?]
  /// One per input: whether the gradient holds nothing yet and is to be written as a whole instead
  /// of being added to. Only ever true for layers that `supportsOverwrite`.
  package var replaces: [Bool]
  /// One per parameter, to be added to; nil for those not trained.
  package var parameterGradients: [UnsafeMutablePointer<Float>?]

  package init(
    forward: ForwardPass, outputGradient: TensorView, inputGradients: [TensorView?],
    replaces: [Bool]? = nil, parameterGradients: [UnsafeMutablePointer<Float>?]
  ) {
    self.forward = forward
    self.outputGradient = outputGradient
    self.inputGradients = inputGradients
    self.replaces = replaces ?? inputGradients.map { _ in false }
    self.parameterGradients = parameterGradients
  }

  package var batch: Int { forward.batch }
  package var context: ComputeContext { forward.context }
  package var input: TensorView { forward.inputs[0] }
  package var output: TensorView { forward.output }
  package var inputGradient: TensorView? { inputGradients[0] }

  /// Adds the first `added` channels of the output's gradient to those of input `index`, image by
  /// image, or, where nothing is there yet, copies them and zeros the rest.
  func passOn(to index: Int, channels added: Int) {
    guard let dx = inputGradients[index] else { return }
    let dy = outputGradient
    let count = added * dy.shape.area
    let replaces = replaces[index]
    context.run(batch) { n in
      if replaces {
        Vector.copy(dy.image(n), to: dx.image(n), count: count)
        Vector.fill(dx.image(n) + count, with: 0, count: dx.shape.count - count)
      } else {
        Vector.add(dy.image(n), to: dx.image(n), count: count)
      }
    }
  }
}

/// What a batch should have given.
package enum Truth: Sendable {
  case none
  /// Objects, one list per image.
  case boxes([[GroundTruth]])
  /// Plain values (class probabilities, targets of a regression), this many per image.
  case values([Float], perImage: Int)
}

/// How far training has come; losses and layers with schedules look at it.
package struct TrainingProgress: Hashable, Sendable {
  /// Images seen before this mini-batch.
  package var seen: Int
  package var iteration: Int
  package var maxBatches: Int

  package init(seen: Int = 0, iteration: Int = 0, maxBatches: Int = 0) {
    self.seen = seen
    self.iteration = iteration
    self.maxBatches = maxBatches
  }
}

/// What a loss reads and writes, after the layer's forward pass.
package struct LossPass {
  package var forward: ForwardPass
  package var truth: Truth
  package var progress: TrainingProgress
  /// To be filled (it holds zeros): the negative of what Darknet calls `delta`, [N, C, H, W] of
  /// the output.
  package var gradient: TensorView

  package init(
    forward: ForwardPass, truth: Truth, progress: TrainingProgress, gradient: TensorView
  ) {
    self.forward = forward
    self.truth = truth
    self.progress = progress
    self.gradient = gradient
  }

  package var batch: Int { forward.batch }
  package var context: ComputeContext { forward.context }
  package var output: TensorView { forward.output }
}

/// What a loss layer found in one mini-batch.
public struct LossReport: Sendable {
  /// Darknet's cost: a sum over the mini-batch.
  public var cost: Float
  /// What it found beside the cost; nil if Darknet prints nothing about it.
  package var statistics: LossStatistics?
  /// Problems worth one notice each, such as classes outside the head's range.
  public var notices: [String]
  /// Boxes that the loss compared with a prediction, for Darknet's running `total_bbox`.
  public var boxes = 0
  /// Of these the ones whose prediction had another object already: `rewritten_bbox`.
  public var rewrittenBoxes = 0

  /// A cost without boxes.
  public init(cost: Float, notices: [String] = []) {
    self.cost = cost
    self.notices = notices
  }

  package init(cost: Float, statistics: LossStatistics, notices: [String] = []) {
    self.init(cost: cost, notices: notices)
    self.statistics = statistics
  }
}

/// A layer that compares its output with the truth.
package protocol LossLayer: Layer {
  /// Fills `pass.gradient` and returns the cost; nil if the layer has no loss here (a softmax
  /// without truth).
  func loss(_ pass: LossPass) -> LossReport?

  /// Whether it can teach a network the classes of whole pictures.
  var learnsClasses: Bool { get }

  /// Of classes that are more special ones of others; nil for plain lists.
  var classTree: ClassTree? { get }
}

extension LossLayer {
  package var learnsClasses: Bool { false }
  package var classTree: ClassTree? { nil }
}
