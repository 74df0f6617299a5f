import CKernels
import DarknetGraph
import DarknetTensors

/// Any size, stride, padding and dilation without groups.
struct DirectConvolution: ConvolutionAlgorithm {
  private let table: KernelTable
  private let g: ConvolutionGeometry
  private let shape: BandShape
  private let offsets: SegmentOffsets
  private let weights: FloatBuffer

  init(
    _ g: ConvolutionGeometry, weights: UnsafePointer<Float>, scales: UnsafePointer<Float>?,
    context: ComputeContext, table: KernelTable
  ) {
    self.table = table
    self.g = g
    self.weights = packPanels(
      g, weights: weights, scales: scales, channelsFirst: false, context: context, table: table)
    // Few weights: bands whose inputs fit the second-level cache. Many: the whole map, once.
    var rows = g.outHeight
    if g.weightCount <= 128 * 1024 {
      let row = g.strideY * ChannelBlocks.floats(channels: g.channels, area: g.width)
      rows = min(g.outHeight, max(1, 64 * 1024 / max(row, 1)))
      rows = evenPart(of: g.outHeight, about: min(rows, max(1, g.outHeight / 8)))
    }
    shape = BandShape(g: g, bandRows: rows, lanes: 16)
    offsets = SegmentOffsets(shape.offsets(planes: ChannelBlocks.count(g.channels)))
  }

  var canPool: Bool { false }
  var packedCount: Int { weights.count }
  private var isWhole: Bool { shape.bandRows == g.outHeight }
  private var copyFloats: Int { ChannelBlocks.count(g.channels) * shape.planeFloats }

  func workspaceCount(batch: Int, threads: Int) -> Int {
    copyFloats * (isWhole ? batch : threads)
  }

  func run(_ run: ConvolutionRun) {
    var d = shape.direct(
      offsets.pointer, segments: offsets.count, inputStride: run.inputStride)
    setTail(&d, channels: g.channels, taps: g.size * g.size)
    let (constant, weights) = (d, self.weights.pointer)
    let blocks = ChannelBlocks.count(g.channels)
    let rows = (g.channels + 3) / 4 * 4 * g.size * g.size
    let panel = WeightPanels.width
    let panels = (constant.filters + panel - 1) / panel
    if isWhole {
      run.context.run(run.batch * blocks) { index in
        var d = constant
        let (image, block) = index.quotientAndRemainder(dividingBy: blocks)
        table.pointee.direct_copy(
          &d, run.input, image, block, 0, g.outHeight,
          run.workspace + index * shape.planeFloats)
      }
      run.context.run(run.batch * panels) { index in
        var (d, finish) = (constant, run.finish)
        let (filters, image) = index.quotientAndRemainder(dividingBy: run.batch)
        table.pointee.direct_rows(
          &d, &finish, run.workspace + image * copyFloats, weights + filters * panel * rows,
          filters * panel, image, 0, g.outHeight)
      }
      return
    }
    run.context.run(run.batch * shape.bands) { index, worker in
      var (d, finish) = (constant, run.finish)
      let (image, band) = index.quotientAndRemainder(dividingBy: shape.bands)
      let first = band * shape.bandRows
      let count = min(shape.bandRows, g.outHeight - first)
      let copy = run.workspace + worker * copyFloats
      for block in 0..<blocks {
        table.pointee.direct_copy(
          &d, run.input, image, block, first, count, copy + block * shape.planeFloats)
      }
      for filters in 0..<panels {
        table.pointee.direct_rows(
          &d, &finish, copy, weights + filters * panel * rows, filters * panel, image, first,
          count)
      }
    }
  }
}

/// 1x1, stride 1: the product of weights and map, which needs no copy.
struct PointwiseConvolution: ConvolutionAlgorithm {
  private let table: KernelTable
  private let g: ConvolutionGeometry
  private let offsets: SegmentOffsets
  private let weights: FloatBuffer

  init(
    _ g: ConvolutionGeometry, weights: UnsafePointer<Float>, scales: UnsafePointer<Float>?,
    context: ComputeContext, table: KernelTable
  ) {
    self.table = table
    self.g = g
    self.weights = packPanels(
      g, weights: weights, scales: scales, channelsFirst: false, context: context, table: table)
    offsets = SegmentOffsets((0..<ChannelBlocks.count(g.channels)).map { $0 * g.area * 16 })
  }

  var canPool: Bool { false }
  var packedCount: Int { weights.count }
  func workspaceCount(batch: Int, threads: Int) -> Int { 0 }
  /// The scaled weights of an image.
  func joinedWorkspaceCount(batch: Int) -> Int { weights.count }

  func run(_ run: ConvolutionRun) {
    guard let factors = run.factors else {
      self.run(run, images: 0..<run.batch, weights: weights.pointer)
      return
    }
    // Scaling the weights is far less work than scaling the map that they meet.
    for image in 0..<run.batch {
      let own = factors.pointer + image * factors.imageStride
      run.context.run(panels) { index in
        let at = index * panel * rows
        table.pointee.scale_rows(
          weights.pointer + at, own, rows, min(panel, filters - index * panel),
          run.workspace + at)
      }
      self.run(run, images: image..<image + 1, weights: run.workspace)
    }
  }

  private var panel: Int { WeightPanels.width }
  private var filters: Int { ChannelBlocks.count(g.filters) * 16 }
  private var rows: Int { (g.channels + 3) / 4 * 4 }
  private var panels: Int { (filters + panel - 1) / panel }

  private func run(
    _ run: ConvolutionRun, images: Range<Int>, weights: UnsafeMutablePointer<Float>
  ) {
    var d = ck_direct()
    d.channels = g.channels
    d.filters = filters
    d.offsets = UnsafePointer(offsets.pointer)
    d.segments = offsets.count
    d.in_image = run.inputStride
    setTail(&d, channels: g.channels, taps: 1)
    let constant = d
    let (rows, panel, panels) = (self.rows, self.panel, self.panels)
    // A task's pixels stay in the second-level cache while panels pass; if that gives too few
    // tasks, panels are dealt out too.
    let tile = table.pointee.tile
    let pixels = evenPart(
      of: g.area, about: max(4 * tile, 32 * 1024 / g.channels), multipleOf: tile)
    let parts = (g.area + pixels - 1) / pixels
    let wanted = 4 * run.context.threads
    let groups = min(
      panels, max(1, (wanted + images.count * parts - 1) / (images.count * parts)))
    run.context.run(images.count * parts * groups) { index in
      var (d, finish) = (constant, run.finish)
      let (rest, group) = index.quotientAndRemainder(dividingBy: groups)
      let (number, part) = rest.quotientAndRemainder(dividingBy: parts)
      let image = images.lowerBound + number
      let first = part * pixels
      for filters in panels * group / groups..<panels * (group + 1) / groups {
        table.pointee.pointwise(
          &d, &finish, run.input, weights + filters * panel * rows, filters * panel, image, first,
          min(pixels, g.area - first))
      }
    }
  }
}

/// As many groups as channels and filters: a plane each.
struct DepthwiseConvolution: ConvolutionAlgorithm {
  private let table: KernelTable
  private let g: ConvolutionGeometry
  private let weights: FloatBuffer

  init(
    _ g: ConvolutionGeometry, weights: UnsafePointer<Float>, scales: UnsafePointer<Float>?,
    table: KernelTable
  ) {
    self.table = table
    self.g = g
    self.weights = packBlocks(g, weights: weights, scales: scales)
  }

  var canPool: Bool { false }
  var packedCount: Int { weights.count }

  /// Rows of a task whose results are summed for their average: independent of the threads, so
  /// that the sums are, too.
  private var summedRows: Int { evenPart(of: g.outHeight, about: 32) }

  func workspaceCount(batch: Int, threads: Int) -> Int { 0 }

  /// The sums of each task.
  func joinedWorkspaceCount(batch: Int) -> Int {
    let parts = (g.outHeight + summedRows - 1) / summedRows
    return batch * ChannelBlocks.count(g.filters) * parts * 16
  }

  func run(_ run: ConvolutionRun) {
    let blocks = ChannelBlocks.count(g.filters)
    let plane = g.area * 16
    // Enough tasks for every thread; a block a task where there are many.
    let bands = max(1, 4 * run.context.threads / (run.batch * blocks))
    let rows =
      run.averages == nil
      ? evenPart(of: g.outHeight, about: max(1, g.outHeight / bands)) : summedRows
    let parts = (g.outHeight + rows - 1) / rows
    defer {
      if let averages = run.averages {
        writeAverages(
          run.workspace, parts: parts, batch: run.batch, channels: g.filters, area: g.outArea,
          to: averages)
      }
    }
    run.context.run(run.batch * blocks * parts) { index in
      var (window, finish) = (g.window, run.finish)
      if run.averages != nil { finish.sums = run.workspace + index * 16 }
      let (rest, part) = index.quotientAndRemainder(dividingBy: parts)
      let (image, block) = rest.quotientAndRemainder(dividingBy: blocks)
      table.pointee.depthwise_rows(
        &window, &finish, run.input + image * run.inputStride + block * plane,
        weights.pointer + block * g.size * g.size * 16, image, block, part * rows,
        min(rows, g.outHeight - part * rows))
    }
  }
}

/// Few channels that come as planes: the first layer. Blocks of 16 channels would be nearly empty.
struct PlanarConvolution: ConvolutionAlgorithm {
  private let table: KernelTable
  private let g: ConvolutionGeometry
  private let shape: BandShape
  private let offsets: SegmentOffsets
  private let weights: FloatBuffer

  init(
    _ g: ConvolutionGeometry, weights: UnsafePointer<Float>, scales: UnsafePointer<Float>?,
    table: KernelTable
  ) {
    self.table = table
    self.g = g
    self.weights = packBlocks(g, weights: weights, scales: scales)
    // An even number of rows, so that pooling pairs stay together.
    let rows = min(g.outHeight, 8)
    shape = BandShape(g: g, bandRows: max(2, rows / 2 * 2), lanes: 1)
    offsets = SegmentOffsets(shape.offsets(planes: g.channels))
  }

  var canPool: Bool { true }
  var packedCount: Int { weights.count }
  func workspaceCount(batch: Int, threads: Int) -> Int {
    threads * (g.channels * shape.planeFloats + 16)
  }

  func run(_ run: ConvolutionRun) {
    let constant = shape.direct(
      offsets.pointer, segments: offsets.count, inputStride: run.inputStride)
    let own = workspaceCount(batch: 1, threads: 1)
    run.context.run(run.batch * shape.bands) { index, worker in
      var (d, finish) = (constant, run.finish)
      let (image, band) = index.quotientAndRemainder(dividingBy: shape.bands)
      let first = band * shape.bandRows
      table.pointee.planar_band(
        &d, &finish, run.input, weights.pointer, image, first,
        min(shape.bandRows, g.outHeight - first), run.workspace + worker * own)
    }
  }
}

/// The executor of everything else: im2col, then bias, activations and residual in passes.
struct Im2colConvolution: ConvolutionAlgorithm {
  private let table: KernelTable
  private let g: ConvolutionGeometry
  private let weights: FloatBuffer

  init(
    _ g: ConvolutionGeometry, weights: UnsafePointer<Float>, scales: UnsafePointer<Float>?,
    table: KernelTable
  ) {
    self.table = table
    self.g = g
    self.weights = FloatBuffer(count: g.weightCount)
    Vector.copy(weights, to: self.weights.pointer, count: g.weightCount)
    guard let scales else { return }
    for f in 0..<g.filters {
      Vector.scale(self.weights.pointer + f * g.columnHeight, by: scales[f], count: g.columnHeight)
    }
  }

  var canPool: Bool { false }
  var packedCount: Int { weights.count }
  func workspaceCount(batch: Int, threads: Int) -> Int {
    Convolution.forwardWorkspace(g, threads: threads)
  }

  func run(_ run: ConvolutionRun) {
    let f = run.finish
    for image in 0..<run.batch {
      let output = f.out + image * f.out_image
      Convolution.forward(
        g, batch: 1, input: run.input + image * run.inputStride, weights: weights.pointer,
        output: output, workspace: run.workspace, context: run.context)
      run.context.run(g.filters) { filter in
        let y = output + filter * g.outArea
        table.pointee.affine(y, 1, f.bias[filter], g.outArea)
        table.pointee.activate(f.activation, y, g.outArea)
        if let residual = f.residual, filter < f.residual_channels {
          table.pointee.add(
            y, residual + image * f.residual_image + filter * g.outArea, g.outArea)
        }
        table.pointee.activate(f.second_activation, y, g.outArea)
      }
    }
  }
}
