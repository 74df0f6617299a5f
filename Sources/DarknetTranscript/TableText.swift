import DarknetConfig
import DarknetLayers
import DarknetTensors
import DarknetText

extension TableRow {
  /// What Darknet's table prints after a layer's index, with the line ends.
  package func text(_ dialect: Dialect) -> String {
    switch self {
    case .layer(let title, let reads, let output, let operations):
      "\(title) Layer: \(reads),  outputs:\(map(output)) " + billions(operations)

    case .convolution(let row): row.text(dialect)
    case .deconvolution(let filters, let size, let stride, let input, let output):
      "deconv\(padded(filters, 5)) \(square(size)) /\(padded(stride, 2))  \(map(input))   ->  "
        + "\(map(output))\n"
    case .connected(let inputs, let outputs):
      "connected                            \(padded(inputs, 4))  ->  \(padded(outputs, 4))\n"
    case .local(let input, let output):
      "Local Layer: \(image(input)) image, \(output.channels) filters -> \(image(output)) image\n"
    case .batchNormalization(let shape):
      "Batch Normalization Layer: \(turned(shape)) image\n"
    case .implicit(let atoms, let filters, let mean, let deviation):
      "implicit Layer: \(filters) x \(atoms) \t mean=\(two(mean)), std=\(two(deviation)) \n"

    case .activation(let count): "Activation Layer: \(count) inputs\n"
    case .dropout(let count, let probability, let block):
      Self.dropout(padded(count, 4), probability, block, dialect)
    case .localResponseNormalization(let shape, let size):
      "Local Response Normalization Layer: \(turned(shape)) image, \(size) size\n"
    case .values(let layer, let count): layer.title.filled(to: 47) + "\(padded(count, 4))\n"
    case .empty: "empty \n"
    case .instanceSegmentation: "iseg\n"

    case .pool(let row): row.text(dialect)
    case .averagePool, .crop, .reorg, .reorg3D, .upsample: resampled(dialect)

    case .route(let sources, let group, let output):
      Self.route(sources, group, output, dialect)
    case .shortcut(let row): row.text(dialect)
    case .scale(let source): "scale Layer: \(source)\n"

    case .recurrent(let row): row.text(dialect)
    case .history(let batch, let size, let steps, let input, let output):
      "HISTORY b = \(batch), s = \(padded(size, 2)), steps = \(padded(steps, 2))   "
        + "\(map(input)) -> \(map(output)) \n"

    case .yolo where dialect == .pjreddie: "yolo\n"
    case .yolo(let options):
      "yolo\n[yolo] params: \(loss(options)), scale_x_y: \(two(options.scaleXY))\n"
    case .gaussianYolo(let options):
      "[Gaussian_yolo] \(loss(options)), scale: \(two(options.scaleXY)), "
        + "point: \(options.reference.code)\n"
    case .region: "detection\n"
    case .detection: "Detection Layer\n"
    case .contrastive(let shape, let anchors, let values, let batch, let classes):
      "contrastive \(padded(shape.width, 4)) x\(padded(shape.height, 4)) x\(padded(anchors, 4)) x "
        + "emb_size \(padded(values, 4)) x batch: \(padded(batch, 4))  "
        + "classes = \(padded(classes, 4)), step = "
        + "\(padded(batch * anchors * shape.area, 4)) \ndetection \n"
    }
  }

  private func resampled(_ dialect: Dialect) -> String {
    let isOriginal = dialect == .pjreddie
    switch self {
    case .averagePool(let input):
      let channels = padded(input.channels, 4)
      return isOriginal
        ? "avg                     \(map(input))   ->  \(channels)\n"
        : "avg                          \(map(input)) ->   \(channels)\n"
    case .crop(let input, let output, let hasShift):
      // Both programs read shift= only after they have printed the row.
      return "Crop Layer: \(input.height) x \(input.width) -> \(image(output)) image\n"
        + (hasShift ? "" : "shift: Using default '0.000000'\n")
    case .reorg(let input, let output, _, isAppended: true) where isOriginal:
      return "reorg              \(padded(input.count, 4))   ->  \(padded(output.count, 4))\n"
    case .reorg(let input, let output, let stride, _):
      return (isOriginal ? "reorg              /" : "reorg_old              /")
        + "\(padded(stride, 2))  \(map(input))   ->  \(map(output))\n"
    case .reorg3D(let input, let output, let stride):
      return "reorg                    /\(padded(stride, 2)) \(map(input)) -> \(map(output))\n"
    case .upsample(let input, let output, let stride, let isReducing):
      let name = isReducing ? "downsample" : "upsample  "
      return isOriginal
        ? "\(name)         \(padded(stride, 2))x  \(map(input))   ->  \(map(output))\n"
        : "\(name)              \(padded(stride, 2))x  \(map(input)) -> \(map(output))\n"
    default: return ""
    }
  }

  private static func dropout(
    _ count: String, _ probability: Float, _ block: DropoutLayer.Block?, _ dialect: Dialect
  ) -> String {
    let p = fixed(Double(probability), decimals: 3)
    switch block {
    case _ where dialect == .pjreddie:
      return "dropout       p = \(two(probability))               \(count)  ->  \(count)\n"
    case nil:
      return "dropout    p = \(p)        \(count)  ->   \(count)\n"
    case .size(let size)?:
      return "dropblock    p = \(p)   l.dropblock_size_abs = \(size)    \(count)  ->   \(count)\n"
    case .share(let share)?:
      return "dropblock    p = \(p)   l.dropblock_size_rel = \(two(share))    \(count)  ->   "
        + "\(count)\n"
    }
  }

  private static func route(
    _ sources: [Int], _ group: (index: Int, count: Int)?, _ output: Shape, _ dialect: Dialect
  ) -> String {
    let from = "route " + sources.map { " \($0)" }.joined()
    if dialect == .pjreddie { return from + "\n" }
    let gap =
      switch sources.count {
      case 1: " \t\t            "
      case 2...3: " \t            "
      default: " \t    "
      }
    return from + gap + String(repeating: " ", count: 11)
      + (group.map { "\($0.index)/\($0.count)" } ?? "   ") + " -> \(map(output)) \n"
  }
}

extension TableRow.ValueLayer {
  fileprivate var title: String {
    switch self {
    case .l2Normalization: "l2norm"
    case .softmax: "softmax"
    case .cost: "cost"
    case .logistic: "logistic x entropy"
    }
  }
}

extension TableRow.Convolution {
  fileprivate func text(_ dialect: Dialect) -> String {
    row(dialect)
      + (blur.map { Self(geometry: $0, operations: Double($0.operations)).row(dialect) } ?? "")
  }

  private var name: String {
    switch kind {
    case .plain: "conv  "
    case .shared: "convS "
    case .xnor: "convX "
    case .xnorWithBinaryOutput: "convXB"
    case .excited: "convAE"
    }
  }

  private func row(_ dialect: Dialect) -> String {
    let g = geometry
    let input = map(Shape(channels: g.channels, height: g.height, width: g.width))
    let output = map(g.outputShape)
    if dialect == .pjreddie {
      return "conv  \(padded(g.filters, 5)) \(square(g.size)) /\(padded(g.strideX, 2))  \(input)   "
        + "->  \(output)  \(fixed(operations / 1e9, decimals: 3, width: 5)) BFLOPs\n"
    }
    var text = name + padded(g.filters, 5)
    text += g.groups > 1 ? "/\(padded(g.groups, 4)) " : "      "
    if g.strideX != g.strideY {
      text += "\(padded(g.size, 2))x\(padded(g.size, 2))/\(padded(g.strideX, 2))x"
      text += "\(padded(g.strideY, 2)) "
    } else {
      text += "\(square(g.size))/\(padded(g.strideX, 2))"
      text += g.dilation > 1 ? "(\(g.dilation))" : "   "
    }
    return text + "\(input) -> \(output) " + billions(operations)
  }
}

extension TableRow.Pool {
  fileprivate func text(_ dialect: Dialect) -> String {
    row(dialect)
      + (blur.map {
        TableRow.convolution(.init(geometry: $0, operations: Double($0.operations))).text(dialect)
      } ?? "")
  }

  private var name: String {
    switch kind {
    case .maximum: "max"
    case .maximumOfChannels: "max-depth"
    case .average: "avg"
    }
  }

  private func row(_ dialect: Dialect) -> String {
    let (pool, size) = (window.pool, window.pool.size)
    if dialect == .pjreddie {
      return "\(name)          \(size) x \(size) / \(pool.strideX)  \(map(window.input))   ->  "
        + "\(map(output))\n"
    }
    let square = "\(padded(size, 2))x\(padded(size, 2))/\(padded(pool.strideX, 2))"
    let start =
      pool.strideX == pool.strideY || kind == .maximumOfChannels
      ? name.filled(to: 18) + square + "   "
      : name.filled(to: 17) + square + "x\(padded(pool.strideY, 2)) "
    return start + "\(map(window.input)) -> \(map(output)) " + billions(operations)
  }
}

extension TableRow.Shortcut {
  fileprivate func text(_ dialect: Dialect) -> String {
    if dialect == .pjreddie {
      return "res  \(padded(sources[0].index, 3))                \(map(sources[0].shape))   ->  "
        + "\(map(output))\n"
    }
    var text = "Shortcut Layer: " + sources.map { "\($0.index), " }.joined()
    text += " wt = \(weights.rawValue), wn = \(normalization.rawValue), outputs:"
    text += map(output) + " " + billions(operations)
    for x in sources where x.shape.channels != output.channels {
      text += " (\(map(output))) + (\(map(x.shape))) \n"
    }
    return text
  }
}

extension TableRow.Recurrent {
  fileprivate func text(_ dialect: Dialect) -> String {
    let vector = "\(input.count) inputs, \(output.count) outputs\n"
    let maps = "\(image(input)) image, \(output.channels) filters\n"
    let (title, prefix) =
      switch kind {
      case .rnn: ("RNN Layer: " + vector, "\t\t")
      case .gru: ("GRU Layer: " + vector, "\t\t")
      case .lstm: ("LSTM Layer: " + vector, "\t\t")
      case .crnn: ("CRNN Layer: " + maps, dialect == .pjreddie ? "\t\t" : "")
      case .convolutionalLSTM: ("CONV_LSTM Layer: " + maps, "")
      }
    return title + parts.map { prefix + $0.text(dialect) }.joined()
  }
}

// MARK: - Parts of rows

/// A map, `%4d x%4d x%4d`: width, height, channels.
private func map(_ shape: Shape) -> String {
  "\(padded(shape.width, 4)) x\(padded(shape.height, 4)) x\(padded(shape.channels, 4))"
}

/// A map as older rows have it: height, width, channels.
private func image(_ shape: Shape) -> String {
  "\(shape.height) x \(shape.width) x \(shape.channels)"
}

/// The same with the width first.
private func turned(_ shape: Shape) -> String {
  "\(shape.width) x \(shape.height) x \(shape.channels)"
}

/// A kernel's sides, `%2d x%2d`.
private func square(_ size: Int) -> String { "\(padded(size, 2)) x\(padded(size, 2))" }

/// Operations as rows of AlexeyAB's table end with them, `%5.3f BF`.
private func billions(_ operations: Double) -> String {
  "\(fixed(operations / 1e9, decimals: 3, width: 5)) BF\n"
}

/// A head's loss, from `iou loss` to the last normalizer.
private func loss(_ options: YoloOptions) -> String {
  "iou loss: \(options.boxLoss.rawValue) (\(options.boxLoss.code)), "
    + "iou_norm: \(two(options.iouNormalizer)), obj_norm: \(two(options.objectnessNormalizer)), "
    + "cls_norm: \(two(options.classNormalizer)), delta_norm: \(two(options.deltaNormalizer))"
}

extension String {
  /// With blanks after it, this many letters.
  fileprivate func filled(to width: Int) -> String {
    self + String(repeating: " ", count: max(width - utf8.count, 0))
  }
}
