import DarknetLayers
import DarknetTestSupport

extension LayerFixture where L: RecurrentLayer {
  /// The worst error of any gradient through all steps.
  ///
  /// A recurrent layer chains some ten functions a step, so a tensor's largest slope may be 0.01,
  /// and float32 rounding of the outputs leaves 1e-6 / h of each slope. The functions are smooth:
  /// the check begins with h = 1, where Richardson's rest is the smaller of the two errors for
  /// most values, and what is left stays below `recurrentTolerance`. Wrong formulas are off by
  /// whole per cents.
  func worstRecurrentError(_ one: GradientCase) -> Double {
    worstGradientError(batch: one.batch, tolerance: recurrentTolerance, largestStep: 1)
  }
}

/// Of `worstRecurrentError`.
let recurrentTolerance = 2e-3
