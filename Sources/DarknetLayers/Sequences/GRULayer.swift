import DarknetConfig
import DarknetGraph
import DarknetKernels
import DarknetTensors
import DarknetText

/// `[gru]`: gated recurrent unit (Cho et al. 2014). For the steps t of a sequence, with s' = s[t-1]
/// and `*` element by element:
///
///     z = σ(input_z(x) + state_z(s'))          x [T x B, inputs]
///     r = σ(input_r(x) + state_r(s'))          z, r, h, s, y [., output]
///     h = φ(input_h(x) + state_h(r * s'))
///     s = z * s' + (1 - z) * h,   y = s
///
/// Each part is a connected layer with a bias of its own. φ is the logistic function; in
/// pjreddie's dialect tanh with `tanh=1`. Options: `output`, `batch_normalize`.
///
/// Weights file: the parts input_z, input_r, input_h, state_z, state_r, state_h; pjreddie's
/// program writes the state's first, and nothing in a file tells which it is.
package struct GRULayer: RecurrentLayer {
  package static let sectionNames = ["gru"]

  package let parts: LayerParts
  package let timeSteps: Int
  package let outputShape: Shape
  /// φ
  let activation: Activation
  private let source: Int
  private let inputCount: Int
  private var count: Int { outputShape.count }

  package init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    let output = try options.size("output", default: 1, loud: true)
    let isBatchNormalized = try options.flag("batch_normalize")
    let usesTanh = site.dialect == .pjreddie ? try options.flag("tanh") : false
    activation = usesTanh ? .tanh : .logistic
    inputCount = site.inputShape.count
    outputShape = Shape(vector: output)
    var parts = LayerParts()
    for (kind, inputs) in [("input", inputCount), ("state", output)] {
      for gate in ["z", "r", "h"] {
        try parts.addConnected(
          "\(kind)_\(gate)", "output", inputs: inputs, outputs: output,
          isBatchNormalized: isBatchNormalized, options, dialect: site.dialect)
      }
    }
    self.parts = parts
    timeSteps = site.timeSteps
    source = site.previousIndex
  }

  package var sources: [Int] { [source] }

  package func partOrder(_ dialect: Dialect) -> [Int] {
    dialect == .pjreddie ? [3, 4, 5, 0, 1, 2] : [0, 1, 2, 3, 4, 5]
  }

  package var tableRow: TableRow {
    .recurrent(
      .init(
        kind: .gru, input: Shape(vector: inputCount), output: outputShape,
        parts: parts.rows([0, 3, 1, 4, 2, 5])))
  }
}

/// Indices of a step's values; the parts' outputs come first.
private enum Slot {
  static let inputZ = 0, inputR = 1, inputH = 2, stateZ = 3, stateR = 4, stateH = 5
  /// `kept` is r * s'.
  static let z = 6, r = 7, kept = 8, h = 9, s = 10
}

extension GRULayer {
  package var memory: RecurrentMemory {
    RecurrentMemory(
      slots: Array(repeating: count, count: 11), stateSlots: [Slot.s],
      gradients: Array(repeating: count, count: 4))
  }

  package func forward(_ pass: ForwardPass) {
    let run = RecurrentRun(self, pass)
    let count = count * run.streams
    for step in 0..<run.steps {
      let x = run.images(of: pass.input, step)
      let before = run.previous(Slot.s, step)
      /// activation(input(x) + state(s))
      func gate(
        _ target: Int, _ input: Int, _ state: Int, _ s: UnsafeMutablePointer<Float>,
        _ activation: Activation
      ) -> UnsafeMutablePointer<Float> {
        let value = run.slot(target, step)
        run.forward(input, step, x, to: run.slot(input, step))
        run.forward(state, step, s, to: run.slot(state, step))
        Vector.copy(run.slot(input, step), to: value, count: count)
        Vector.add(run.slot(state, step), to: value, count: count)
        activation.apply(value, count, pass.context.arithmetic)
        return value
      }
      let z = gate(Slot.z, Slot.inputZ, Slot.stateZ, before, .logistic)
      let r = gate(Slot.r, Slot.inputR, Slot.stateR, before, .logistic)
      let kept = run.slot(Slot.kept, step)
      for k in 0..<count { kept[k] = r[k] * before[k] }
      let h = gate(Slot.h, Slot.inputH, Slot.stateH, kept, activation)
      let s = run.slot(Slot.s, step)
      for k in 0..<count { s[k] = z[k] * before[k] + (1 - z[k]) * h[k] }
      Vector.copy(s, to: run.images(of: pass.output, step), count: count)
      run.carryState(from: step)
    }
  }

  package func backward(_ pass: BackwardPass) {
    let run = RecurrentRun(self, pass.forward)
    let count = count * run.streams
    // dLoss/ds of the step at hand, and of the one before it.
    var (ds, dsBefore) = (run.gradient(0), run.gradient(1))
    let (d, dKept) = (run.gradient(2), run.gradient(3))
    Vector.fill(ds, with: 0, count: count)
    for step in (0..<run.steps).reversed() {
      let x = run.images(of: pass.input, step)
      let dx = pass.inputGradient.map { run.images(of: $0, step) }
      let before = run.previous(Slot.s, step)
      let (z, r) = (run.slot(Slot.z, step), run.slot(Slot.r, step))
      let (kept, h) = (run.slot(Slot.kept, step), run.slot(Slot.h, step))
      /// Sends `d`, the gradient before a gate's activation, on to the gate's parts.
      func send(
        _ input: Int, _ state: Int, _ s: UnsafeMutablePointer<Float>,
        _ dState: UnsafeMutablePointer<Float>
      ) {
        run.backward(input, step, x: x, y: run.slot(input, step), dy: d, dx: dx, in: pass)
        run.backward(state, step, x: s, y: run.slot(state, step), dy: d, dx: dState, in: pass)
      }

      Vector.add(run.images(of: pass.outputGradient, step), to: ds, count: count)
      for k in 0..<count {
        dsBefore[k] = ds[k] * z[k]
        d[k] = ds[k] * (1 - z[k])
      }
      activation.scaleBySlope(d, output: h, savedInput: nil, count)
      Vector.fill(dKept, with: 0, count: count)
      send(Slot.inputH, Slot.stateH, kept, dKept)
      for k in 0..<count {
        dsBefore[k] += dKept[k] * r[k]
        d[k] = dKept[k] * before[k] * r[k] * (1 - r[k])
      }
      send(Slot.inputR, Slot.stateR, before, dsBefore)
      for k in 0..<count { d[k] = ds[k] * (before[k] - h[k]) * z[k] * (1 - z[k]) }
      send(Slot.inputZ, Slot.stateZ, before, dsBefore)
      swap(&ds, &dsBefore)
    }
  }
}
