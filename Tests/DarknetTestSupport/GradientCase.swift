import DarknetConfig
import DarknetLayers
import DarknetNetwork
import DarknetTensors

/// One setting of a layer's options at which its output and its gradients are checked.
///
/// Suites give lists of them to their gradient tests; `docs/development.md` shows what they cover.
package struct GradientCase: Sendable, CustomStringConvertible {
  /// Lines of the section, without its name.
  package var options: String
  /// Of the layer before, and of those before that one.
  package var inputs: [Shape]
  package var batch: Int
  package var timeSteps: Int
  package var dialect: Dialect
  /// Of the inputs' values.
  package var range: ClosedRange<Double>

  package init(
    _ options: String = "", _ inputs: Shape..., batch: Int = 2, timeSteps: Int = 1,
    dialect: Dialect = .alexeyab, range: ClosedRange<Double> = -1...1
  ) {
    (self.options, self.inputs, self.batch) = (options, inputs, batch)
    (self.timeSteps, self.dialect, self.range) = (timeSteps, dialect, range)
  }

  package var description: String {
    var words = options.split(separator: "\n").map(String.init)
    words += inputs.map { "\($0)" } + ["batch \(batch)"]
    if timeSteps > 1 { words.append("\(timeSteps) steps") }
    if dialect == .pjreddie { words.append("pjreddie") }
    return words.joined(separator: ", ")
  }

  /// Each option and its value.
  package var settings: [(key: String, value: String)] {
    options.split(separator: "\n").map { line in
      let parts = line.split(separator: "=", maxSplits: 1)
      return (String(parts[0]), parts.count > 1 ? String(parts[1]) : "")
    }
  }
}

extension LayerFixture {
  package convenience init(
    _ one: GradientCase, networkShape: Shape? = nil, net: NetOptions = NetOptions(),
    readFile: @escaping @Sendable (String) -> [UInt8]? = { _ in nil }
  ) throws {
    try self.init(
      "[\(L.name)]\n" + one.options, inputs: one.inputs, dialect: one.dialect,
      timeSteps: one.timeSteps, networkShape: networkShape, net: net, readFile: readFile)
  }

  /// A layer's formula: its output for inputs, one for each of `inputs` of the case, and
  /// parameters, in their order.
  package typealias Formula = (_ inputs: [Maps], _ parameters: [[Double]]) -> Maps

  /// The worst error of a training pass: of the output against `formula`, and of the gradients of
  /// all inputs and trained parameters against central differences of it.
  ///
  /// All of the reference is in double, with steps of 1e-6, so that its own errors are below 1e-9;
  /// what is left is the layer's float32 arithmetic. An error is relative to the value, or to a
  /// tenth of the tensor's largest.
  package func worstDeviation(
    _ one: GradientCase, seed: UInt64 = 7, from formula: Formula
  ) -> GradientCheck.Worst {
    let inputs = one.inputs.enumerated().map {
      Values.random(one.batch * $1.count, seed: seed &+ UInt64($0), in: one.range)
    }
    let functional = Values.random(one.batch * layer.outputShape.count, seed: seed &+ 100)
    let output = forward(inputs: inputs, batch: one.batch, isTraining: true)
    let found = backward(inputs: inputs, outputGradient: functional, batch: one.batch)

    var maps = zip(one.inputs, inputs).map {
      Maps($0, batch: one.batch, values: $1.map(Double.init))
    }
    var values = parameters.map { $0.map(Double.init) }
    let expected = formula(maps, values)
    var worst = GradientCheck.worst("output", output, expected.values)
    func loss() -> Double {
      zip(functional, formula(maps, values).values).reduce(0) { $0 + Double($1.0) * $1.1 }
    }
    for k in maps.indices {
      let slopes = GradientCheck.slopes(maps[k].values.count) { index, change in
        maps[k].values[index] += change
        defer { maps[k].values[index] -= change }
        return loss()
      }
      worst = max(worst, GradientCheck.worst("input \(k)", found.inputs[k], slopes))
    }
    for (k, parameter) in layer.parameters.enumerated() where parameter.role.isTrained {
      let slopes = GradientCheck.slopes(values[k].count) { index, change in
        let old = values[k][index]
        values[k][index] = old + change
        defer { values[k][index] = old }
        return loss()
      }
      worst = max(worst, GradientCheck.worst(parameter.name, found.parameters[k], slopes))
    }
    return worst
  }
}

extension LayerFixture where L: LossLayer {
  /// The worst error of the gradient of the previous layer's output, against central differences
  /// of `cost`, in double, of that output.
  package func worstLossDeviation(
    _ one: GradientCase, truth: Truth, progress: TrainingProgress = .init(), seed: UInt64 = 7,
    values: [Float]? = nil, from cost: (Maps) -> Double
  ) -> GradientCheck.Worst {
    let values =
      values ?? Values.random(one.batch * one.inputs[0].count, seed: seed, in: one.range)
    guard let found = loss(values, truth: truth, batch: one.batch, progress: progress) else {
      return GradientCheck.Worst(
        tensor: "no loss", index: 0, analytic: .nan, numeric: .nan, error: .infinity)
    }
    let gradient = backward(inputs: [values], outputGradient: found.gradient, batch: one.batch)
      .inputs[0]
    var maps = Maps(one.inputs[0], batch: one.batch, values: values.map(Double.init))
    let slopes = GradientCheck.slopes(values.count) { index, change in
      let old = maps.values[index]
      maps.values[index] = old + change
      defer { maps.values[index] = old }
      return cost(maps)
    }
    return GradientCheck.worst("input", gradient, slopes)
  }
}
