import DarknetTensors
import DarknetText

extension Shape {
  /// As rows of the layer table show a map, `%4d x%4d x%4d`: width, height, channels.
  var tableText: String {
    "\(padded(width, 4)) x\(padded(height, 4)) x\(padded(channels, 4))"
  }
}

/// Operations as rows of AlexeyAB's table show them, `%5.3f BF`, with the line's end.
func operationsText(_ operations: Double) -> String {
  "\(fixed(operations / 1e9, decimals: 3, width: 5)) BF\n"
}
