import DarknetKernels

/// The recurrence of `[rnn]` and `[crnn]` (Elman 1990), whose parts are connected layers in the one
/// and convolutions in the other. For the steps t of a sequence:
///
///     s[t] = input(x[t]) + self(s[t-1])     (+ s[t-1] with `shortcut=1`)
///     y[t] = output(s[t])
///
/// Each part has its own activation; s[-1] is zero, or what the call before left.
protocol SimpleRecurrence: RecurrentLayer {
  /// Floats of s for one stream.
  var hiddenCount: Int { get }
  var hasShortcut: Bool { get }
}

/// Indices of the parts, which is the order of the weights file.
private enum Part {
  static let input = 0, state = 1, output = 2
}

private enum Slot {
  static let input = 0, state = 1, sum = 2
}

extension SimpleRecurrence {
  package var memory: RecurrentMemory {
    RecurrentMemory(
      slots: [hiddenCount, hiddenCount, hiddenCount], stateSlots: [Slot.sum],
      gradients: [hiddenCount, hiddenCount])
  }

  package func forward(_ pass: ForwardPass) {
    let run = RecurrentRun(self, pass)
    let count = hiddenCount * run.streams
    for step in 0..<run.steps {
      let before = run.previous(Slot.sum, step)
      let (fromInput, fromState) = (run.slot(Slot.input, step), run.slot(Slot.state, step))
      run.forward(Part.input, step, run.images(of: pass.input, step), to: fromInput)
      run.forward(Part.state, step, before, to: fromState)
      let sum = run.slot(Slot.sum, step)
      Vector.copy(fromInput, to: sum, count: count)
      Vector.add(fromState, to: sum, count: count)
      if hasShortcut { Vector.add(before, to: sum, count: count) }
      run.forward(Part.output, step, sum, to: run.images(of: pass.output, step))
      run.carryState(from: step)
    }
  }

  package func backward(_ pass: BackwardPass) {
    let run = RecurrentRun(self, pass.forward)
    let count = hiddenCount * run.streams
    // dLoss/ds of the step at hand, and of the one before it.
    var (ds, dsBefore) = (run.gradient(0), run.gradient(1))
    Vector.fill(ds, with: 0, count: count)
    for step in (0..<run.steps).reversed() {
      let before = run.previous(Slot.sum, step)
      run.backward(
        Part.output, step, x: run.slot(Slot.sum, step), y: run.images(of: pass.output, step),
        dy: run.images(of: pass.outputGradient, step), dx: ds, in: pass)
      if hasShortcut {
        Vector.copy(ds, to: dsBefore, count: count)
      } else {
        Vector.fill(dsBefore, with: 0, count: count)
      }
      run.backward(
        Part.state, step, x: before, y: run.slot(Slot.state, step), dy: ds,
        dx: step > 0 ? dsBefore : nil, in: pass)
      run.backward(
        Part.input, step, x: run.images(of: pass.input, step), y: run.slot(Slot.input, step),
        dy: ds, dx: pass.inputGradient.map { run.images(of: $0, step) }, in: pass)
      swap(&ds, &dsBefore)
    }
  }
}
