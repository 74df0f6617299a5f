import DarknetText

/// `%f` of a mean; of nothing it is what C makes of 0 / 0.
func printedMean(_ sum: Double, of count: Int) -> String {
  count == 0 ? "-nan" : fixed(sum / Double(count), decimals: 6)
}
