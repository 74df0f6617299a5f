/// Where the small constant of batch normalisation is that keeps the divisor from zero.
package enum NormalizationEpsilon: Hashable, Sendable {
  /// 1 / sqrt(variance + e): AlexeyAB with 1e-5.
  case insideRoot(Float)
  /// 1 / (sqrt(variance) + e): pjreddie with 1e-6.
  case outsideRoot(Float)
}
