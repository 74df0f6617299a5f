import DarknetGeometry
import DarknetLayers
import DarknetTestSupport

/// The boxes that a head reads from an output.
func boxes(
  _ head: some DetectionHead, _ output: [Float], network: (width: Int, height: Int),
  threshold: Float
) -> DetectionSet {
  var set = DetectionSet(classCount: head.classes)
  output.withUnsafeBufferPointer {
    head.decode(
      $0.baseAddress!, networkWidth: network.width, networkHeight: network.height,
      threshold: threshold, hierarchyThreshold: 0.5, into: &set)
  }
  return set
}

func object(_ x: Float, _ y: Float, _ w: Float, _ h: Float, _ number: Int = 0) -> GroundTruth {
  GroundTruth(box: Box(x: x, y: y, width: w, height: h), classIndex: number)
}

/// Whether all values are within float32 rounding of sums of a few numbers.
func isClose(_ a: [Float], _ b: [Float]) -> Bool { deviation(a, from: b) < 1e-6 }
