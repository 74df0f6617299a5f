import DarknetGraph
import DarknetKernels
import DarknetTensors

/// What a layer's row of the table tells, as facts; a program makes text of them.
///
/// Each layer of Darknet's has a row of its own form there. A layer that Darknet does not have gives
/// `layer`, so that it needs no form.
package indirect enum TableRow: Sendable {
  /// `title` reads what `reads` says.
  case layer(title: String, reads: String, output: Shape, operations: Double)

  case convolution(Convolution)
  case deconvolution(filters: Int, size: Int, stride: Int, input: Shape, output: Shape)
  case connected(inputs: Int, outputs: Int)
  case local(input: Shape, output: Shape)
  case batchNormalization(Shape)
  case implicit(atoms: Int, filters: Int, mean: Float, deviation: Float)

  case activation(count: Int)
  case dropout(count: Int, probability: Float, block: DropoutLayer.Block?)
  case localResponseNormalization(Shape, size: Int)
  /// A layer of which only the number of values is shown.
  case values(ValueLayer, count: Int)
  case empty
  case instanceSegmentation

  case pool(Pool)
  case averagePool(input: Shape)
  /// - Parameter hasShift: whether the cfg has `shift=`, which Darknet reads after the row.
  case crop(input: Shape, output: Shape, hasShift: Bool)
  /// - Parameter isAppended: whether values are appended to a vector instead (`extra=`).
  case reorg(input: Shape, output: Shape, stride: Int, isAppended: Bool)
  case reorg3D(input: Shape, output: Shape, stride: Int)
  case upsample(input: Shape, output: Shape, stride: Int, isReducing: Bool)

  case route(sources: [Int], group: (index: Int, count: Int)?, output: Shape)
  case shortcut(Shortcut)
  /// Multiplied by the output of layer `source`.
  case scale(source: Int)

  case recurrent(Recurrent)
  case history(batch: Int, size: Int, steps: Int, input: Shape, output: Shape)

  case yolo(YoloOptions)
  case gaussianYolo(YoloOptions)
  case region
  case detection
  case contrastive(shape: Shape, anchors: Int, values: Int, batch: Int, classes: Int)

  package enum ValueLayer: Sendable { case l2Normalization, softmax, cost, logistic }

  package struct Convolution: Sendable {
    package enum Kind: Sendable { case plain, shared, xnor, xnorWithBinaryOutput, excited }

    package var kind: Kind
    package var geometry: ConvolutionGeometry
    package var operations: Double
    /// What follows it with `antialiasing`.
    package var blur: ConvolutionGeometry?

    package init(
      kind: Kind = .plain, geometry: ConvolutionGeometry, operations: Double,
      blur: ConvolutionGeometry? = nil
    ) {
      self.kind = kind
      self.geometry = geometry
      self.operations = operations
      self.blur = blur
    }
  }

  package struct Pool: Sendable {
    package enum Kind: Sendable { case maximum, maximumOfChannels, average }

    package var kind: Kind
    package var window: PoolWindow
    /// Before any blur.
    package var output: Shape
    package var operations: Double
    /// What follows it with `antialiasing`.
    package var blur: ConvolutionGeometry?
  }

  package struct Shortcut: Sendable {
    /// Layers that are added, and their outputs.
    package var sources: [(index: Int, shape: Shape)]
    package var weights: ShortcutLayer.WeightsType
    package var normalization: ShortcutLayer.Normalization
    package var output: Shape
    package var operations: Double
  }

  package struct Recurrent: Sendable {
    package enum Kind: Sendable { case rnn, gru, lstm, crnn, convolutionalLSTM }

    package var kind: Kind
    package var input: Shape
    package var output: Shape
    /// Rows of its parts, in Darknet's order.
    package var parts: [TableRow]
  }
}
