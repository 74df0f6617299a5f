import DarknetConfig
import DarknetKernels
import DarknetTensors
import DarknetText

/// `[l2norm]`: every pixel's vector of channels gets length 1.
///
///     y[c] = x[c] / |x|,   |x| = sqrt(sum of x[k]^2 over the channels)       x, y [N, C, H, W]
///
/// A zero vector stays one. The gradient is dx = (dy - y (y · dy)) / |x|; pjreddie's program
/// passes dy through. No options, no parameters.
package struct L2NormalizationLayer: Layer {
  package static let sectionNames = ["l2norm"]

  package let outputShape: Shape
  let source: Int

  package init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    outputShape = site.inputShape
    source = site.previousIndex
  }

  package var sources: [Int] { [source] }

  /// 1 / |x| of every pixel.
  package func savedCount(batch: Int) -> Int { batch * outputShape.area }

  /// 1 / |x| of one image, or y · dy.
  package func workspaceCount(batch: Int, isTraining: Bool, context: ComputeContext) -> Int {
    outputShape.area
  }

  package func forward(_ pass: ForwardPass) {
    let (channels, area) = (outputShape.channels, outputShape.area)
    for n in 0..<pass.batch {
      let inverse = pass.isTraining ? pass.saved + n * area : pass.workspace
      Vector.fill(inverse, with: 0, count: area)
      for c in 0..<channels {
        let x = pass.input.channel(c, ofImage: n)
        for i in 0..<area { inverse[i] += x[i] * x[i] }
      }
      for i in 0..<area { inverse[i] = inverse[i] > 0 ? 1 / inverse[i].squareRoot() : 0 }
      for c in 0..<channels {
        let (x, y) = (pass.input.channel(c, ofImage: n), pass.output.channel(c, ofImage: n))
        for i in 0..<area { y[i] = x[i] * inverse[i] }
      }
    }
  }

  package func backward(_ pass: BackwardPass) {
    guard let gradient = pass.inputGradient else { return }
    let (channels, area) = (outputShape.channels, outputShape.area)
    let product = pass.forward.workspace
    for n in 0..<pass.batch {
      let inverse = pass.forward.saved + n * area
      Vector.fill(product, with: 0, count: area)
      for c in 0..<channels {
        let (y, dy) = (
          pass.output.channel(c, ofImage: n), pass.outputGradient.channel(c, ofImage: n)
        )
        for i in 0..<area { product[i] += y[i] * dy[i] }
      }
      for c in 0..<channels {
        let (y, dy) = (
          pass.output.channel(c, ofImage: n), pass.outputGradient.channel(c, ofImage: n)
        )
        let dx = gradient.channel(c, ofImage: n)
        for i in 0..<area { dx[i] += (dy[i] - y[i] * product[i]) * inverse[i] }
      }
    }
  }

  package var tableRow: TableRow { .values(.l2Normalization, count: outputShape.count) }
}
