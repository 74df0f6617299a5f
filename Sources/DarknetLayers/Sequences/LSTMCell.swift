import DarknetGraph
import DarknetKernels
import DarknetTensors

/// The recurrence of `[lstm]` and `[conv_lstm]` (Hochreiter and Schmidhuber 1997; Shi et al. 2015),
/// whose parts are connected layers in the one and convolutions in the other. For the steps t of a
/// sequence, with `*` element by element, σ the logistic function and φ tanh or `lstm_activation`:
///
///     f = σ(wf(h') + uf(x) + vf(c'))       h' = h[t-1], c' = c[t-1]
///     i = σ(wi(h') + ui(x) + vi(c'))       vf, vi, vo only with peepholes
///     g = φ(wg(h') + ug(x))
///     r = f * c' + i * g
///     o = σ(wo(h') + uo(x) + vo(r))
///     h = o * φ(r),  c = r, or r within ±limit
///
/// With a bottleneck b = φ(wf([h', x])) takes x's place, and the gates have no w of their own.
/// y = h; with a bottleneck's shortcut, y = h + b over the first half of each image.
protocol LSTMRecurrence: RecurrentLayer {
  var cell: LSTMCell { get }
}

/// What the variants differ in.
struct LSTMCell: Sendable {
  /// The parts of a gate that read the step's input, the state h and the cell c.
  struct Gate: Hashable, Sendable {
    var input: Int
    var state: Int?
    var peephole: Int?
  }

  let forget: Gate
  let enter: Gate
  let candidate: Gate
  let leave: Gate
  /// The part that joins h and x.
  let bottleneck: Int?
  var addsBottleneck = false
  /// φ
  var activation = Activation.tanh
  /// c stays within ±limit, and values that are not numbers become 0; nil: no such care.
  var limit: Float?
  /// Scales the gradient that goes back through h.
  var timeNormalizer: Float = 1
  /// Floats of h, c and every gate for one stream.
  let count: Int
  private let partCount: Int

  /// - Parameter parts: `u` for the input and `w` for the state, `v` for the cell where there are
  ///   peepholes, each followed by its gate's letter.
  init(_ parts: LayerParts, count: Int, hasBottleneck: Bool = false) {
    func gate(_ letter: String) -> Gate {
      guard let input = parts.index(of: "u" + letter) else {
        preconditionFailure("an LSTM without its part u\(letter)")
      }
      return Gate(
        input: input, state: hasBottleneck ? nil : parts.index(of: "w" + letter),
        peephole: parts.index(of: "v" + letter))
    }
    (forget, enter, candidate, leave) = (gate("f"), gate("i"), gate("g"), gate("o"))
    bottleneck = hasBottleneck ? parts.index(of: "wf") : nil
    self.count = count
    partCount = parts.all.count
  }

  /// The parts as the layer table lists them.
  static func tableOrder(_ parts: LayerParts) -> [Int] {
    ["uf", "ui", "ug", "uo", "wf", "wi", "wg", "wo", "vf", "vi", "vo"].compactMap {
      parts.index(of: $0)
    }
  }

  /// The first slots hold the parts' outputs.
  fileprivate var f: Int { partCount }
  fileprivate var i: Int { partCount + 1 }
  fileprivate var g: Int { partCount + 2 }
  fileprivate var o: Int { partCount + 3 }
  fileprivate var raw: Int { partCount + 4 }
  /// φ(r)
  fileprivate var squashed: Int { partCount + 5 }
  fileprivate var h: Int { partCount + 6 }
  fileprivate var c: Int { limit == nil ? raw : partCount + 7 }
  /// What φ got for g, where its slope needs that.
  fileprivate var gInput: Int { partCount + 8 }
  fileprivate var joined: Int { partCount + 9 }
  fileprivate var b: Int { partCount + 10 }

  fileprivate var memory: RecurrentMemory {
    let slots =
      Array(repeating: count, count: partCount + 7) + [
        limit == nil ? 0 : count, activation.savedCount(count),
        bottleneck == nil ? 0 : 2 * count, bottleneck == nil ? 0 : count,
      ]
    let joint = bottleneck == nil ? 0 : count
    return RecurrentMemory(
      slots: slots, stateSlots: [c, h],
      gradients: [count, count, count, count, count, joint, 2 * joint])
  }
}

// MARK: - Forward

extension LSTMRecurrence {
  package var memory: RecurrentMemory { cell.memory }

  package func forward(_ pass: ForwardPass) {
    let run = RecurrentRun(self, pass)
    for step in 0..<run.steps {
      forward(run, step, pass)
      run.carryState(from: step)
    }
  }

  private func forward(_ run: RecurrentRun, _ step: Int, _ pass: ForwardPass) {
    let count = cell.count * run.streams
    let slot = { run.slot($0, step) }
    let (cBefore, hBefore) = (run.previous(cell.c, step), run.previous(cell.h, step))
    var x = run.images(of: pass.input, step)
    if cell.bottleneck != nil {
      x = bottleneck(run, step, x: x, hBefore: hBefore)
    }
    func preactivation(
      _ gate: LSTMCell.Gate, at target: Int, peephole: UnsafeMutablePointer<Float>
    ) {
      let sum = slot(target)
      run.forward(gate.input, step, x, to: slot(gate.input))
      Vector.copy(slot(gate.input), to: sum, count: count)
      for (part, source) in [(gate.state, hBefore), (gate.peephole, peephole)] {
        guard let part else { continue }
        run.forward(part, step, source, to: slot(part))
        Vector.add(slot(part), to: sum, count: count)
      }
    }
    let (f, i, g, o, raw) = (slot(cell.f), slot(cell.i), slot(cell.g), slot(cell.o), slot(cell.raw))
    preactivation(cell.forget, at: cell.f, peephole: cBefore)
    Activation.logistic.apply(f, count, pass.context.arithmetic)
    preactivation(cell.enter, at: cell.i, peephole: cBefore)
    Activation.logistic.apply(i, count, pass.context.arithmetic)
    preactivation(cell.candidate, at: cell.g, peephole: cBefore)
    squash(run, g, keepingInputIn: slot(cell.gInput))
    for k in 0..<count { raw[k] = f[k] * cBefore[k] + i[k] * g[k] }
    preactivation(cell.leave, at: cell.o, peephole: raw)
    Activation.logistic.apply(o, count, pass.context.arithmetic)

    let (squashed, h) = (slot(cell.squashed), slot(cell.h))
    Vector.copy(raw, to: squashed, count: count)
    squash(run, squashed, keepingInputIn: nil)
    for k in 0..<count { h[k] = o[k] * squashed[k] }
    if let limit = cell.limit { keepFinite(h, raw, to: slot(cell.c), limit: limit, count: count) }

    let y = run.images(of: pass.output, step)
    Vector.copy(h, to: y, count: count)
    if cell.addsBottleneck { addFirstHalves(of: slot(cell.b), to: y, streams: run.streams) }
  }

  /// b = φ(wf([h', x]))
  private func bottleneck(
    _ run: RecurrentRun, _ step: Int, x: UnsafeMutablePointer<Float>,
    hBefore: UnsafeMutablePointer<Float>
  ) -> UnsafeMutablePointer<Float> {
    guard let part = cell.bottleneck else { return x }
    let (joined, b, count) = (run.slot(cell.joined, step), run.slot(cell.b, step), cell.count)
    for n in 0..<run.streams {
      Vector.copy(hBefore + n * count, to: joined + 2 * n * count, count: count)
      Vector.copy(x + n * count, to: joined + (2 * n + 1) * count, count: count)
    }
    run.forward(part, step, joined, to: run.slot(part, step))
    Vector.copy(run.slot(part, step), to: b, count: count * run.streams)
    squash(run, b, keepingInputIn: nil)
    return b
  }

  /// x = φ(x)
  private func squash(
    _ run: RecurrentRun, _ x: UnsafeMutablePointer<Float>,
    keepingInputIn saved: UnsafeMutablePointer<Float>?
  ) {
    cell.activation.apply(
      to: TensorView(x, batch: run.streams, shape: outputShape), keepingInputIn: saved,
      context: run.context)
  }

  private func keepFinite(
    _ h: UnsafeMutablePointer<Float>, _ raw: UnsafeMutablePointer<Float>,
    to c: UnsafeMutablePointer<Float>, limit: Float, count: Int
  ) {
    for k in 0..<count {
      let bounded = limit > 0 ? min(max(raw[k], -limit), limit) : raw[k]
      c[k] = raw[k].isNaN || !bounded.isFinite ? 0 : bounded
      if !h[k].isFinite { h[k] = 0 }
    }
  }

  private func addFirstHalves(
    of x: UnsafeMutablePointer<Float>, to y: UnsafeMutablePointer<Float>, streams: Int
  ) {
    for n in 0..<streams {
      Vector.add(x + n * cell.count, to: y + n * cell.count, count: cell.count / 2)
    }
  }
}

// MARK: - Backward

extension LSTMRecurrence {
  package func backward(_ pass: BackwardPass) {
    let run = RecurrentRun(self, pass.forward)
    let count = cell.count * run.streams
    // What later steps say about this step's h and c, and what this one says about those before.
    var (dh, dhBefore) = (run.gradient(0), run.gradient(1))
    var (dc, dcBefore) = (run.gradient(2), run.gradient(3))
    Vector.fill(dh, with: 0, count: count)
    Vector.fill(dc, with: 0, count: count)
    for step in (0..<run.steps).reversed() {
      Vector.add(run.images(of: pass.outputGradient, step), to: dh, count: count)
      Vector.fill(dhBefore, with: 0, count: count)
      Vector.fill(dcBefore, with: 0, count: count)
      backward(run, step, pass, dh: dh, dc: dc, dhBefore: dhBefore, dcBefore: dcBefore)
      if cell.timeNormalizer != 1 {
        Vector.scale(dhBefore, by: cell.timeNormalizer, count: count)
      }
      swap(&dh, &dhBefore)
      swap(&dc, &dcBefore)
    }
  }

  /// One step back. Overwrites `dh` and `dc`; adds to `dhBefore` and `dcBefore`.
  private func backward(
    _ run: RecurrentRun, _ step: Int, _ pass: BackwardPass, dh: UnsafeMutablePointer<Float>,
    dc: UnsafeMutablePointer<Float>, dhBefore: UnsafeMutablePointer<Float>,
    dcBefore: UnsafeMutablePointer<Float>
  ) {
    let count = cell.count * run.streams
    let slot = { run.slot($0, step) }
    let (cBefore, hBefore) = (run.previous(cell.c, step), run.previous(cell.h, step))
    let (f, i, g, o, raw) = (slot(cell.f), slot(cell.i), slot(cell.g), slot(cell.o), slot(cell.raw))
    let squashed = slot(cell.squashed)
    let (d, db) = (run.gradient(4), run.gradient(5))
    let hasBottleneck = cell.bottleneck != nil
    let x = hasBottleneck ? slot(cell.b) : run.images(of: pass.input, step)
    var dx = pass.inputGradient.map { run.images(of: $0, step) }
    if hasBottleneck {
      Vector.fill(db, with: 0, count: count)
      if cell.addsBottleneck {
        // dh may hold more than dy: only y has the shortcut.
        addFirstHalves(
          of: run.images(of: pass.outputGradient, step), to: db, streams: run.streams)
      }
      dx = db
    }
    /// Sends `d`, the gradient before a gate's activation, on to the gate's parts.
    func send(
      _ gate: LSTMCell.Gate, peephole: UnsafeMutablePointer<Float>,
      _ peepholeGradient: UnsafeMutablePointer<Float>
    ) {
      run.backward(gate.input, step, x: x, y: slot(gate.input), dy: d, dx: dx, in: pass)
      for (part, source, gradient) in [
        (gate.state, hBefore, dhBefore), (gate.peephole, peephole, peepholeGradient),
      ] {
        guard let part else { continue }
        run.backward(part, step, x: source, y: slot(part), dy: d, dx: gradient, in: pass)
      }
    }

    if let limit = cell.limit, limit > 0 {
      for k in 0..<count where abs(raw[k]) > limit { dc[k] = 0 }
    }
    for k in 0..<count {
      d[k] = dh[k] * squashed[k] * o[k] * (1 - o[k])
      dh[k] *= o[k]
    }
    scaleBySlope(run, dh, output: squashed, input: raw)
    Vector.add(dh, to: dc, count: count)
    send(cell.leave, peephole: raw, dc)

    for k in 0..<count { d[k] = dc[k] * i[k] }
    scaleBySlope(run, d, output: g, input: slot(cell.gInput))
    send(cell.candidate, peephole: cBefore, dcBefore)
    for k in 0..<count { d[k] = dc[k] * g[k] * i[k] * (1 - i[k]) }
    send(cell.enter, peephole: cBefore, dcBefore)
    for k in 0..<count { d[k] = dc[k] * cBefore[k] * f[k] * (1 - f[k]) }
    send(cell.forget, peephole: cBefore, dcBefore)
    for k in 0..<count { dcBefore[k] += dc[k] * f[k] }

    if hasBottleneck {
      bottleneckBackward(run, step, pass, db: db, dhBefore: dhBefore)
    }
  }

  private func bottleneckBackward(
    _ run: RecurrentRun, _ step: Int, _ pass: BackwardPass, db: UnsafeMutablePointer<Float>,
    dhBefore: UnsafeMutablePointer<Float>
  ) {
    guard let part = cell.bottleneck else { return }
    let count = cell.count
    let joined = run.gradient(6)
    scaleBySlope(run, db, output: run.slot(cell.b, step), input: run.slot(part, step))
    Vector.fill(joined, with: 0, count: 2 * count * run.streams)
    run.backward(
      part, step, x: run.slot(cell.joined, step), y: run.slot(part, step), dy: db, dx: joined,
      in: pass)
    for n in 0..<run.streams {
      Vector.add(joined + 2 * n * count, to: dhBefore + n * count, count: count)
      if let dx = pass.inputGradient.map({ run.images(of: $0, step) }) {
        Vector.add(joined + (2 * n + 1) * count, to: dx + n * count, count: count)
      }
    }
  }

  private func scaleBySlope(
    _ run: RecurrentRun, _ d: UnsafeMutablePointer<Float>, output: UnsafeMutablePointer<Float>,
    input: UnsafeMutablePointer<Float>
  ) {
    cell.activation.scaleBySlope(
      TensorView(d, batch: run.streams, shape: outputShape),
      output: TensorView(output, batch: run.streams, shape: outputShape), savedInput: input,
      context: run.context)
  }
}
