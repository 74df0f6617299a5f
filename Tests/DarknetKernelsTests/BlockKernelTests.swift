import CKernels
import DarknetGraph
import DarknetKernels
import DarknetSystem
import DarknetTestSupport
import Testing

/// Calls `body` with each variant that runs here and its name.
func forEachVariant(_ body: (ck_kernels, String) -> Void) {
  for table in KernelVariant.runnable {
    body(table.pointee, String(cString: table.pointee.name))
  }
}

/// Kernels that move values between planes and blocks of 16 channels, or work on one block. What is
/// only moved must arrive bit for bit.
@Suite struct BlockKernelTests {
  @Test(arguments: [1, 4, 15, 16, 17, 33, 1025], [0, 1, 3, 16, 21, 50])
  func `planes to blocks and back`(channels: Int, area: Int) {
    let planes = Slow.random(channels * area, seed: 1)
    let blocks = (channels + 15) / 16
    forEachVariant { t, name in
      let packed = GuardedBuffer(count: blocks * 16 * area)
      t.nchw_to_nchw16c(planes, channels, area, packed.pointer)
      let back = GuardedBuffer(count: planes.count)
      t.nchw16c_to_nchw(packed.pointer, channels, area, back.pointer)
      #expect(packed.isIntact && back.isIntact, "\(name) wrote outside")
      #expect(back.array == planes, "\(name)")
      let expected = (0..<blocks * area * 16).map { i in
        let (block, rest) = i.quotientAndRemainder(dividingBy: max(area * 16, 1))
        let channel = block * 16 + rest % 16
        return channel < channels ? planes[channel * area + rest / 16] : 0
      }
      #expect(packed.array == expected, "\(name)")
    }
  }

  @Test(arguments: [0, 1, 4, 7, 16], [0, 1, 5, 16, 37])
  func `interleave leaves what lies between its steps`(lanes: Int, count: Int) {
    let (planeStep, outStep) = (count + 3, 32)
    let planes = Slow.random(16 * planeStep, seed: 2)
    forEachVariant { t, name in
      let out = GuardedBuffer(count: count * outStep, filledWith: 9)
      t.interleave(planes, planeStep, lanes, count, out.pointer, outStep)
      #expect(out.isIntact, "\(name) wrote outside")
      for i in 0..<count * outStep {
        let (item, lane) = i.quotientAndRemainder(dividingBy: outStep)
        let expected = lane >= 16 ? 9 : lane < lanes ? planes[lane * planeStep + item] : 0
        #expect(out.values[i] == expected, "\(name) item \(item) lane \(lane)")
      }
    }
  }

  /// Windows inside, over each edge, and wholly outside.
  @Test(arguments: [-9, -2, 0, 3, 5, 9], [1, 9, 16])
  func `windows of planes`(corner: Int, lanes: Int) {
    let (height, width, rows, columns) = (7, 6, 6, 5)
    let step = height * width + 5
    let planes = Slow.random(16 * step, seed: 3)
    var shape = ck_planes(height: height, width: width, plane_step: step)
    let (top, left) = (corner, corner - 1)
    forEachVariant { t, name in
      let block = GuardedBuffer(count: rows * columns * 16)
      t.pack_nchw16c_tile(&shape, planes, lanes, top, left, rows, columns, block.pointer)
      #expect(block.isIntact, "\(name) wrote outside")
      for i in 0..<block.count {
        let (pixel, lane) = i.quotientAndRemainder(dividingBy: 16)
        let (y, x) = (top + pixel / columns, left + pixel % columns)
        let isInside =
          lane < lanes && (0..<height).contains(y) && (0..<width).contains(x)
        #expect(block.values[i] == (isInside ? planes[lane * step + y * width + x] : 0), "\(name)")
      }
    }
  }

  @Test(arguments: [1, 5, 16], [false, true])
  func `a window put into planes`(lanes: Int, adds: Bool) {
    let (height, width, blockColumns, rows, columns) = (7, 9, 8, 4, 5)
    let (top, left, step) = (2, 3, 7 * 9 + 5)
    let block = Slow.random(rows * blockColumns * 16, seed: 4)
    let old = Slow.random(16 * step, seed: 5)
    var shape = ck_planes(height: height, width: width, plane_step: step)
    forEachVariant { t, name in
      let planes = GuardedBuffer(old)
      t.unpack_nchw16c_tile(
        &shape, block, blockColumns, lanes, top, left, rows, columns, planes.pointer, adds)
      #expect(planes.isIntact, "\(name) wrote outside")
      var expected = old
      for (r, c, lane) in (0..<rows).flatMap({ r in
        (0..<columns).flatMap { c in (0..<lanes).map { (r, c, $0) } }
      }) {
        let at = lane * step + (top + r) * width + left + c
        expected[at] = (adds ? old[at] : 0) + block[(r * blockColumns + c) * 16 + lane]
      }
      #expect(planes.array == expected, "\(name)")
    }
  }

  @Test(arguments: [
    (1, 1, 1, 1, 1, 0), (5, 7, 2, 2, 2, 0), (5, 7, 3, 1, 1, 1), (13, 4, 5, 3, 2, 2),
    (1, 200, 3, 2, 1, 1), (200, 1, 13, 1, 7, 6), (2, 2, 3, 1, 1, 6),
  ])
  func `maxima and averages of windows`(
    height: Int, width: Int, size: Int, strideX: Int, strideY: Int, offset: Int
  ) {
    let (outHeight, outWidth) = (
      max((height + 2 * offset - size) / strideY + 1, 1),
      max((width + 2 * offset - size) / strideX + 1, 1)
    )
    var window = ck_window()
    (window.height, window.width, window.size) = (height, width, size)
    (window.out_height, window.out_width) = (outHeight, outWidth)
    (window.stride_x, window.stride_y) = (strideX, strideY)
    let x = Slow.random(height * width * 16, seed: 6)
    var maxima: [Double] = []
    var averages: [Double] = []
    for (oy, ox, lane) in (0..<outHeight).flatMap({ oy in
      (0..<outWidth).flatMap { ox in (0..<16).map { (oy, ox, $0) } }
    }) {
      var values = [Double]()
      for y in oy * strideY - offset..<oy * strideY - offset + size where (0..<height).contains(y) {
        for c in ox * strideX - offset..<ox * strideX - offset + size
        where (0..<width).contains(c) {
          values.append(Double(x[(y * width + c) * 16 + lane]))
        }
      }
      maxima.append(values.max() ?? Double(-Float.greatestFiniteMagnitude))
      averages.append(values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count))
    }
    forEachVariant { t, name in
      let y = GuardedBuffer(count: maxima.count)
      t.pool_block(&window, offset, x, y.pointer)
      #expect(y.isIntact && y.array == maxima.map { Float($0) }, "\(name)")
      t.average_block(&window, offset, x, y.pointer)
      // Up to 25 float32 additions of values below 1.
      #expect(y.isIntact && Slow.deviation(y.array, averages) < 1e-6, "\(name)")
    }
  }

  @Test(arguments: [0, 1, 5, 16, 33], [0, 1, 9, 16])
  func `sums and products of blocks`(area: Int, channels: Int) {
    let (x, old) = (Slow.random(area * 16, seed: 7), Slow.random(area * 16, seed: 8))
    let factors = Slow.random(16, seed: 9)
    func leaky(_ v: Double) -> Double { max(v, 0.1 * v) }
    forEachVariant { t, name in
      let y = GuardedBuffer(old)
      t.add_block(y.pointer, x, channels, Activation.leaky.kernelCode, area)
      let sums = old.indices.map { i in
        leaky(Double(old[i]) + (i % 16 < channels ? Double(x[i]) : 0))
      }
      #expect(y.isIntact && Slow.deviation(y.array, sums) < 5e-7, "\(name)")
      t.scale_block(y.pointer, x, factors, Activation.leaky.kernelCode, area)
      let products = x.indices.map { leaky(Double(x[$0]) * Double(factors[$0 % 16])) }
      #expect(y.isIntact && Slow.deviation(y.array, products) < 5e-7, "\(name)")
    }
  }

  @Test(arguments: [0, 1, 7, 1025], [16, 32, 48])
  func `rows and columns times factors`(rows: Int, width: Int) {
    let x = Slow.random(rows * width, seed: 10)
    let factors = Slow.random(max(rows, width), seed: 11)
    forEachVariant { t, name in
      let y = GuardedBuffer(count: x.count)
      t.scale_rows(x, factors, rows, width, y.pointer)
      #expect(y.isIntact && y.array == x.indices.map { x[$0] * factors[$0 / width] }, "\(name)")
      y.array = x
      t.scale_columns(y.pointer, factors, rows, width)
      #expect(y.isIntact && y.array == x.indices.map { x[$0] * factors[$0 % width] }, "\(name)")
    }
  }

  @Test(arguments: [0, 1, 5, 16, 31, 50])
  func `maxima of pairs of rows`(columns: Int) {
    let (top, bottom) = (
      Slow.random(2 * columns, seed: 12), Slow.random(2 * columns, seed: 13)
    )
    forEachVariant { t, name in
      let out = GuardedBuffer(count: columns)
      t.max_rows_2x2(top, bottom, out.pointer, columns)
      let expected = (0..<columns).map { i in
        max(top[2 * i], top[2 * i + 1], bottom[2 * i], bottom[2 * i + 1])
      }
      #expect(out.isIntact && out.array == expected, "\(name)")
    }
  }

  /// 1 tap is 1x1, 9 are 3x3; 25 is more than any caller has, which the contract allows.
  @Test(arguments: [1, 3, 4, 16, 17, 1025], [1, 9, 25])
  func `panels of weights, their mirror image and the way back`(channels: Int, taps: Int) {
    let (all, first, width) = (35, 32, 16)
    let weights = Slow.random(all * channels * taps, seed: 14)
    let rounded = (channels + 3) / 4 * 4
    forEachVariant { t, name in
      let panel = GuardedBuffer(count: rounded * taps * width)
      t.pack_panel(weights, all, channels, taps, first, width, panel.pointer)
      let expected = (0..<panel.count).map { i -> Float in
        let (row, f) = i.quotientAndRemainder(dividingBy: width)
        guard row < channels * taps, first + f < all else { return 0 }
        return weights[(first + f) * channels * taps + row]
      }
      #expect(panel.isIntact && panel.array == expected, "\(name)")

      let sums = GuardedBuffer([Float](repeating: 1, count: weights.count))
      t.add_panel(panel.pointer, all, channels, taps, first, width, sums.pointer)
      let added = weights.indices.map { 1 + ($0 / (channels * taps) >= first ? weights[$0] : 0) }
      #expect(sums.isIntact && sums.array == added, "\(name)")

      // `weights` seen as [channels][all][taps]: the panel's columns are those of `all`.
      let mirror = GuardedBuffer(count: rounded * taps * width)
      t.pack_panel_mirrored(weights, channels, all, taps, first, width, mirror.pointer)
      let mirrored = (0..<mirror.count).map { i -> Float in
        let (row, c) = i.quotientAndRemainder(dividingBy: width)
        let (f, tap) = row.quotientAndRemainder(dividingBy: taps)
        guard f < channels, first + c < all else { return 0 }
        return weights[(f * all + first + c) * taps + taps - 1 - tap]
      }
      #expect(mirror.isIntact && mirror.array == mirrored, "\(name)")
    }
  }
}
