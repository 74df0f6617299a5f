import DarknetConfig
import DarknetGraph
import DarknetKernels
import DarknetTensors
import DarknetText

/// `[maxpool]`: the maximum of each window, or over channels.
///
///     y[n, c, i, j] = max of x[n, c, i', j'] over the window       x [N, C, H, W]
///     outWidth = (W + padding - size) / stride + 1, windows start at j stride - padding / 2
///
/// What lies outside the map is ignored. `maxpool_depth=1` takes the maximum over the channels
/// k = g (mod `out_channels`) instead: y [N, out_channels, H, W].
///
/// Options: `stride` (default 1), `stride_x` and `stride_y` (default `stride`), `size` (default
/// `stride`), `padding` of both sides together (default `size - 1`), `maxpool_depth`,
/// `out_channels` (default 1), `antialiasing` (1, 2: windows move by one, a fixed blur has the
/// strides, Zhang 2019). No parameters.
///
/// - Throws: `ConfigError` if a window is larger than the map with its padding.
package struct MaxPoolLayer: Layer {
  package static let sectionNames = ["maxpool", "max"]

  package let window: PoolWindow
  /// Channels of the result with `maxpool_depth`, else nil.
  package let depthChannels: Int?
  let blur: Blur?
  let source: Int

  package init(_ options: inout OptionReader, at site: LayerSite) throws(ConfigError) {
    let antialiasing = try options.int("antialiasing", default: 0)
    var window = try PoolWindow(&options, input: site.inputShape)
    let isDepth = try options.flag("maxpool_depth")
    let channels = try options.size("out_channels", default: 1)
    options.readWithoutEffect(
      "maxpool_zero_nonmax", because: "only Darknet's GPU code uses it")
    source = site.previousIndex
    if isDepth {
      guard channels <= site.inputShape.channels else {
        throw options.error(
          "out_channels", expected: "at most the input's \(site.inputShape.channels) channels",
          found: "\(channels)", fix: "change it")
      }
      depthChannels = channels
      blur = nil
    } else {
      depthChannels = nil
      let (strideX, strideY) = (window.pool.strideX, window.pool.strideY)
      if antialiasing != 0 { (window.pool.strideX, window.pool.strideY) = (1, 1) }
      blur =
        antialiasing == 0
        ? nil
        : try Blur(
          options, kind: antialiasing, input: window.outputShape, strideX: strideX,
          strideY: strideY)
    }
    self.window = window
    if blur != nil { options.note(.antialiased) }
  }

  package var sources: [Int] { [source] }

  package var outputShape: Shape { blur?.outputShape ?? hostShape }

  /// Of the maxima, before any blur.
  private var hostShape: Shape {
    guard let depthChannels else { return window.outputShape }
    return Shape(channels: depthChannels, height: window.input.height, width: window.input.width)
  }

  /// Whether windows are squares side by side, for which a byte tells the maximum.
  private var isQuartering: Bool {
    depthChannels == nil && blur == nil && window.pool.isQuartering
  }

  package var readsInputsInBackward: Bool { false }
  package var readsOutputInBackward: Bool { false }
  package var supportsOverwrite: Bool { isQuartering }

  /// Which value was the maximum: Int32 bit patterns, or bytes for squares.
  package func savedCount(batch: Int) -> Int {
    isQuartering ? (batch * hostShape.count + 3) / 4 : batch * hostShape.count
  }

  package func workspaceCount(batch: Int, isTraining: Bool, context: ComputeContext) -> Int {
    guard let blur else { return 0 }
    return batch * hostShape.count + blur.workspaceCount(isTraining: isTraining, context: context)
  }

  private func indices(_ pass: ForwardPass) -> UnsafeMutablePointer<Int32> {
    UnsafeMutableRawPointer(pass.saved).assumingMemoryBound(to: Int32.self)
  }

  private func places(_ pass: ForwardPass) -> UnsafeMutablePointer<UInt8> {
    UnsafeMutableRawPointer(pass.saved).assumingMemoryBound(to: UInt8.self)
  }

  package func lower(into lowering: inout LayerLowering) {
    if depthChannels == nil, blur == nil { lowering.append(.maximum(window.pool)) }
  }

  package func forward(_ pass: ForwardPass) {
    if pass.isTraining, isQuartering {
      window.pool.forward(
        pass.input.pointer, planes: pass.batch * window.input.channels,
        output: pass.output.pointer, which: places(pass), context: pass.context)
      return
    }
    let indices = pass.isTraining ? indices(pass) : nil
    if let depthChannels {
      forwardDepth(pass, channels: depthChannels, indices)
      return
    }
    let host = blur == nil ? pass.output.pointer : pass.workspace
    window.pool.forward(
      pass.input.pointer, planes: pass.batch * window.input.channels, output: host,
      indices: indices, context: pass.context)
    blur?.forward(
      TensorView(host, batch: pass.batch, shape: hostShape), to: pass.output,
      workspace: pass.workspace + pass.batch * hostShape.count, context: pass.context)
  }

  private func forwardDepth(
    _ pass: ForwardPass, channels: Int, _ indices: UnsafeMutablePointer<Int32>?
  ) {
    let area = hostShape.area
    for n in 0..<pass.batch {
      for g in 0..<channels {
        let y = pass.output.channel(g, ofImage: n)
        let index = indices.map { $0 + (n * channels + g) * area }
        Vector.copy(pass.input.channel(g, ofImage: n), to: y, count: area)
        index?.update(repeating: Int32(g), count: area)
        for k in stride(from: g + channels, to: window.input.channels, by: channels) {
          let x = pass.input.channel(k, ofImage: n)
          for i in 0..<area where x[i] > y[i] {
            y[i] = x[i]
            index?[i] = Int32(k)
          }
        }
      }
    }
  }

  /// The gradient of each output goes to the input that was the maximum.
  package func backward(_ pass: BackwardPass) {
    guard let dx = pass.inputGradient else { return }
    if isQuartering {
      window.pool.backward(
        pass.outputGradient.pointer, which: places(pass.forward),
        planes: pass.batch * window.input.channels, inputGradient: dx.pointer,
        adds: !pass.replaces[0], context: pass.context)
      return
    }
    let indices = indices(pass.forward)
    if let depthChannels {
      let area = hostShape.area
      for n in 0..<pass.batch {
        for g in 0..<depthChannels {
          let dy = pass.outputGradient.channel(g, ofImage: n)
          let index = indices + (n * depthChannels + g) * area
          for i in 0..<area { dx.channel(Int(index[i]), ofImage: n)[i] += dy[i] }
        }
      }
      return
    }
    var dy = pass.outputGradient.pointer
    if let blur {
      dy = pass.forward.workspace
      let count = pass.batch * hostShape.count
      Vector.fill(dy, with: 0, count: count)
      blur.backward(
        pass.outputGradient, to: TensorView(dy, batch: pass.batch, shape: hostShape),
        workspace: dy + count, context: pass.context)
    }
    window.pool.backward(
      dy, indices: indices, planes: pass.batch * window.input.channels,
      inputGradient: dx.pointer, context: pass.context)
  }

  package var channelFlow: ChannelFlow {
    depthChannels == nil ? .channelwise(outputShape) : .mixes(groups: 1)
  }

  package var tableRow: TableRow {
    .pool(
      .init(
        kind: depthChannels == nil ? .maximum : .maximumOfChannels, window: window,
        output: hostShape, operations: operations, blur: blur?.geometry))
  }

  package var operations: Double { window.operations(output: hostShape) }
}

/// Size, strides and padding of pooling layers.
package struct PoolWindow: Hashable, Sendable {
  package let input: Shape
  package internal(set) var pool: MaxPool

  /// - Throws: `ConfigError` if a window is larger than the map with its padding.
  init(_ options: inout OptionReader, input: Shape) throws(ConfigError) {
    let stride = try options.size("stride", default: 1, loud: true)
    let strideX = try options.size("stride_x", default: stride)
    let strideY = try options.size("stride_y", default: stride)
    let size = try options.size("size", default: stride, loud: true)
    let padding = try options.int("padding", default: size - 1, in: 0...(1 << 28))
    guard input.width + padding >= size, input.height + padding >= size else {
      throw options.error(
        "size",
        expected: "at most the input's \(input.width)x\(input.height) with padding "
          + "\(padding)", found: "\(size)", fix: "use a smaller window or more padding")
    }
    self.input = input
    pool = MaxPool(
      height: input.height, width: input.width, size: size, strideX: strideX, strideY: strideY,
      padding: padding)
  }

  package var outputShape: Shape {
    Shape(channels: input.channels, height: pool.outHeight, width: pool.outWidth)
  }

  /// A comparison or addition for each value of each window.
  func operations(output: Shape) -> Double {
    Double(pool.size) * Double(pool.size) * Double(input.channels) * Double(output.area)
  }
}
