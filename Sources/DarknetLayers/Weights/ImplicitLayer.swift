import DarknetConfig
import DarknetKernels
import DarknetTensors
import DarknetText

/// `[implicit]`: trained values that depend on no input (Wang et al. 2021, YOLOR).
///
///     y[n, f, a] = w[f, a]        y [N, filters, atoms, 1]
///
/// Options: `mean` (default 0) and `std` (default 0.2): initial values are mean ± std, uniformly;
/// `filters` (default 128), `atoms` (default 1). Weights file: weights [filters, atoms].
package struct ImplicitLayer: Layer {
  package static let sectionNames = ["implicit"]

  package let mean: Float
  package let deviation: Float
  package let outputShape: Shape

  package init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    mean = try options.float("mean", default: 0, loud: true)
    deviation = try options.float("std", default: 0.2, loud: true)
    let filters = try options.size("filters", default: 128, loud: true)
    let atoms = try options.size("atoms", default: 1)
    outputShape = Shape(channels: filters, height: atoms, width: 1)
    guard let count = outputShape.checkedCount, count <= Int(Int32.max) else {
      throw options.error(
        "filters", expected: "less than 2^31 weights", found: "\(filters) x \(atoms)",
        fix: "use fewer")
    }
  }

  package var sources: [Int] { [] }

  package var parameters: [Parameter] {
    [
      Parameter(
        "weights", count: outputShape.count, role: .weight,
        initial: .around(mean: mean, spread: deviation))
    ]
  }

  package func forward(_ pass: ForwardPass) {
    for n in 0..<pass.batch {
      Vector.copy(pass.parameters[0], to: pass.output.image(n), count: outputShape.count)
    }
  }

  /// dw = sum of dy over the batch.
  package func backward(_ pass: BackwardPass) {
    guard let dw = pass.parameterGradients[0] else { return }
    for n in 0..<pass.batch {
      Vector.add(pass.outputGradient.image(n), to: dw, count: outputShape.count)
    }
  }

  package var tableRow: TableRow {
    .implicit(
      atoms: outputShape.height, filters: outputShape.channels, mean: mean, deviation: deviation)
  }
}
