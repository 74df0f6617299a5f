import CKernels
import DarknetKernels
import DarknetSystem
import DarknetTestSupport
import Testing

/// The transforms of F(4x4, 3x3) as Toom and Cook give them: polynomials through the points p, of
/// which the last is infinity, worked out here from the points alone.
private enum Toom {
  static let points = [0, 0.75, -0.75, 1.5, -1.5]

  /// G [6][3]: the values of a polynomial of degree 2 at each point.
  static let weights: [[Double]] =
    points.map { [1, $0, $0 * $0] } + [[0, 0, 1]]

  /// Bt [6][6]: the coefficients of the product of (x - q) over all points q but its own.
  static let input: [[Double]] = (0...5).map { own in
    var product = [1.0]
    for (i, q) in points.enumerated() where i != own {
      product = (0...product.count).map { k in
        (k > 0 ? product[k - 1] : 0) - (k < product.count ? q * product[k] : 0)
      }
    }
    return product + [Double](repeating: 0, count: 6 - product.count)
  }

  /// At [4][6]: powers of the points over the products of their distances.
  static let output: [[Double]] = (0..<4).map { k in
    points.enumerated().map { own, p in
      var power = 1.0
      for _ in 0..<k { power *= p }
      for (i, q) in points.enumerated() where i != own { power /= p - q }
      return power
    } + [k == 3 ? 1 : 0]
  }

  /// m x mT of a square matrix [n][n] whose element (r, c) is `x(r, c)`; at (i, j).
  static func both(_ m: [[Double]], _ i: Int, _ j: Int, _ x: (Int, Int) -> Double) -> Double {
    var sum = 0.0
    for r in m[i].indices where m[i][r] != 0 {
      for c in m[j].indices where m[j][c] != 0 { sum += m[i][r] * m[j][c] * x(r, c) }
    }
    return sum
  }

  static func transposed(_ m: [[Double]]) -> [[Double]] {
    m[0].indices.map { column in m.map { $0[column] } }
  }
}

/// The four transforms of Winograd's method on their own, in every variant that runs here. Each
/// result is a sum of some 20 products of factors up to 6.
@Suite struct WinogradKernelTests {
  private static let tolerance = 3e-6

  @Test(arguments: [0, 1, 4, 67], [16, 32, 48])
  func `weights`(count: Int, filters: Int) {
    let weights = Slow.random(count * 9 * filters, seed: 1)
    let point = count * filters + 16
    var expected = [Double](repeating: 7, count: 36 * point)
    for i in 0..<36 * count * filters {
      let (p, rest) = i.quotientAndRemainder(dividingBy: count * filters)
      let (c, f) = rest.quotientAndRemainder(dividingBy: filters)
      expected[p * point + rest] = Toom.both(Toom.weights, p / 6, p % 6) {
        Double(weights[(c * 9 + $0 * 3 + $1) * filters + f])
      }
    }
    forEachVariant { t, name in
      let u = GuardedBuffer(count: 36 * point, filledWith: 7)
      t.winograd_weights(weights, count, filters, u.pointer, point)
      #expect(u.isIntact && Slow.deviation(u.array, expected) < Self.tolerance, "\(name)")
    }
  }

  /// Squares that hang over each edge, of maps smaller than one, from several images.
  @Test(arguments: [(1, 1, 0), (1, 1, 2), (2, 9, 1), (9, 2, 1), (7, 6, 1), (13, 12, 0), (5, 5, 2)])
  func `input`(height: Int, width: Int, padding: Int) {
    let (blocks, images, block) = (2, 2, 1)
    var shape = ck_winograd()
    (shape.height, shape.width, shape.padding) = (height, width, padding)
    shape.tile_rows = max((height + 2 * padding - 2 + 3) / 4, 1)
    shape.tile_columns = max((width + 2 * padding - 2 + 3) / 4, 1)
    shape.in_image = blocks * height * width * 16 + 48
    let map = Slow.random(images * shape.in_image, seed: 2)
    let perImage = shape.tile_rows * shape.tile_columns
    // Not all of them: from the second on.
    let (first, count) = (1, images * perImage - 1)
    let stride = count + 2
    var expected = [Double](repeating: 7, count: 36 * stride * 16)
    for i in 0..<36 * count * 16 {
      let (p, rest) = i.quotientAndRemainder(dividingBy: count * 16)
      let (image, place) = (first + rest / 16).quotientAndRemainder(dividingBy: perImage)
      let top = place / shape.tile_columns * 4 - padding
      let left = place % shape.tile_columns * 4 - padding
      let plane = image * shape.in_image + block * height * width * 16
      expected[p * stride * 16 + rest] = Toom.both(Toom.input, p / 6, p % 6) { r, c in
        let (y, x) = (top + r, left + c)
        guard (0..<height).contains(y), (0..<width).contains(x) else { return 0 }
        return Double(map[plane + (y * width + x) * 16 + rest % 16])
      }
    }
    forEachVariant { t, name in
      let v = GuardedBuffer(count: 36 * stride * 16, filledWith: 7)
      t.winograd_input(&shape, map, block, first, count, v.pointer, stride)
      #expect(v.isIntact && Slow.deviation(v.array, expected) < Self.tolerance, "\(name)")
    }
  }

  @Test(arguments: [0, 1, 5], [16, 32])
  func `gradient`(squares: Int, filters: Int) {
    let columns = 4 * squares + 3
    let dy = Slow.random(4 * columns * 16, seed: 3)
    let stride = squares + 1
    let matrix = Toom.transposed(Toom.output)
    var expected = [Double](repeating: 7, count: 36 * stride * filters)
    for i in 0..<36 * squares * 16 {
      let (p, rest) = i.quotientAndRemainder(dividingBy: squares * 16)
      let (square, lane) = rest.quotientAndRemainder(dividingBy: 16)
      expected[(p * stride + square) * filters + lane] = Toom.both(matrix, p / 6, p % 6) {
        Double(dy[($0 * columns + square * 4 + $1) * 16 + lane])
      }
    }
    forEachVariant { t, name in
      let q = GuardedBuffer(count: expected.count, filledWith: 7)
      t.winograd_gradient(dy, columns, squares, q.pointer, stride, filters)
      #expect(q.isIntact && Slow.deviation(q.array, expected) < Self.tolerance, "\(name)")
    }
  }

  @Test(arguments: [(0, 16, 16), (1, 16, 32), (7, 5, 32), (40, 16, 16), (3, 0, 16)])
  func `products back to the weights`(items: Int, channels: Int, filters: Int) {
    let stride = items + 1
    let v = Slow.random(36 * stride * 16, seed: 4)
    let q = Slow.random(36 * stride * filters, seed: 5)
    let old = Slow.random(16 * 9 * filters, seed: 6)
    let matrix = Toom.transposed(Toom.weights)
    var expected = old.map { Double($0) }
    for c in 0..<channels {
      for f in 0..<filters {
        let sums = (0..<36).map { p in
          (0..<items).reduce(0.0) { sum, i in
            sum + Double(v[(p * stride + i) * 16 + c]) * Double(q[(p * stride + i) * filters + f])
          }
        }
        for tap in 0..<9 {
          expected[(c * 9 + tap) * filters + f] += Toom.both(matrix, tap / 3, tap % 3) {
            sums[$0 * 6 + $1]
          }
        }
      }
    }
    forEachVariant { t, name in
      let dw = GuardedBuffer(old)
      let scratch = GuardedBuffer(count: 36 * 16 * filters)
      t.winograd_outer(v, q, stride, items, filters, channels, dw.pointer, scratch.pointer)
      #expect(dw.isIntact && scratch.isIntact, "\(name) wrote outside")
      // The sums over up to 40 items have their own roundings.
      #expect(Slow.deviation(dw.array, expected) < 2e-5, "\(name)")
    }
  }

  @Test(arguments: [(0, 3, 16), (1, 0, 32), (1, 1, 16), (3, 5, 32), (2, 40, 16)], [false, true])
  func `outer products`(counts: (segments: Int, items: Int, filters: Int), adds: Bool) {
    let (segments, items, filters) = counts
    let (xStep, qStep) = (items * 16 + 5, items * filters + 3)
    let x = Slow.random(max(segments, 1) * xStep, seed: 7)
    let q = Slow.random(max(segments, 1) * qStep, seed: 8)
    let old = Slow.random(16 * filters, seed: 9)
    var expected = old.map { adds ? Double($0) : 0 }
    for s in 0..<segments {
      for i in 0..<items {
        for at in 0..<16 * filters {
          expected[at] +=
            Double(x[s * xStep + i * 16 + at / filters])
            * Double(q[s * qStep + i * filters + at % filters])
        }
      }
    }
    forEachVariant { t, name in
      let y = adds ? GuardedBuffer(old) : GuardedBuffer(count: old.count)
      t.outer(x, xStep, q, qStep, segments, items, y.pointer, filters, adds)
      #expect(y.isIntact && Slow.deviation(y.array, expected) < 2e-6, "\(name)")
    }
  }

  @Test(arguments: [0, 1, 8, 9, 10, 27, 256], [0, 1, 16, 37])
  func `gradient of the first layer's weights`(taps: Int, columns: Int) {
    let offsets = (0..<taps).map { $0 * 7 % 61 }
    let x = Slow.random(61 + columns, seed: 10)
    let dy = Slow.random(columns * 16, seed: 11)
    let old = Slow.random(taps * 16, seed: 12)
    let expected = old.indices.map { at in
      (0..<columns).reduce(Double(old[at])) {
        $0 + Double(x[offsets[at / 16] + $1]) * Double(dy[$1 * 16 + at % 16])
      }
    }
    forEachVariant { t, name in
      let dw = GuardedBuffer(old)
      t.planar_outer(x, offsets, taps, dy, columns, dw.pointer)
      #expect(dw.isIntact && Slow.deviation(dw.array, expected) < 2e-6, "\(name)")
    }
  }
}
