import CKernels
import DarknetKernels
import Testing

/// Sizes around every vector length.
private let counts = [0, 1, 5, 13, 16, 24, 31, 100, 1037]

@Suite struct ElementwiseTests {
  @Test(arguments: counts)
  func `every variant equals the formula`(count: Int) {
    let a = Slow.random(count, seed: 1)
    let b = Slow.random(count, seed: 2)
    for table in KernelVariant.runnable {
      let t = table.pointee
      func check(
        _ change: (UnsafeMutablePointer<Float>) -> Void, _ formula: (Double, Double) -> Double
      ) {
        var y = a + [7]
        y.withUnsafeMutableBufferPointer { change($0.baseAddress!) }
        #expect(y.removeLast() == 7, "wrote past the end")
        // One or two float32 roundings of values near 1.
        let expected = zip(a, b).map { formula(Double($0), Double($1)) }
        #expect(Slow.deviation(y, expected) < 5e-7, "\(String(cString: t.name))")
      }
      check({ t.add($0, b, count) }, { $0 + $1 })
      check({ t.axpy($0, b, 0.25, count) }, { $0 + 0.25 * $1 })
      check({ t.multiply($0, b, count) }, { $0 * $1 })
      check({ t.affine($0, 3, -1, count) }, { a, _ in 3 * a - 1 })
      check({ t.normalize($0, b, 0.5, 3, 1, count) }, { _, b in (b - 0.5) * 3 + 1 })

      let (x, y) = (a.map { Double($0) }, b.map { Double($0) })
      #expect(abs(t.sum(a, count) - x.reduce(0, +)) < 1e-12 * Double(count + 1))
      #expect(abs(t.dot(a, b, count) - zip(x, y).reduce(0) { $0 + $1.0 * $1.1 }) < 1e-11)
    }
  }

  @Test(arguments: [
    MaxPool(height: 13, width: 13, size: 2, strideX: 2, strideY: 2, padding: 1),
    MaxPool(height: 24, width: 70, size: 2, strideX: 2, strideY: 2, padding: 1),
    MaxPool(height: 5, width: 16, size: 2, strideX: 2, strideY: 2, padding: 0),
    MaxPool(height: 13, width: 13, size: 2, strideX: 1, strideY: 1, padding: 1),
    MaxPool(height: 31, width: 24, size: 3, strideX: 2, strideY: 2, padding: 2),
    MaxPool(height: 13, width: 13, size: 13, strideX: 1, strideY: 1, padding: 12),
    MaxPool(height: 1, width: 1, size: 2, strideX: 2, strideY: 2, padding: 1),
    MaxPool(height: 16, width: 5, size: 3, strideX: 1, strideY: 2, padding: 0),
  ])
  func `max pooling takes each window's maximum and gives its gradient back`(pool: MaxPool) {
    let planes = 3
    let area = pool.height * pool.width
    let (oh, ow) = (pool.outHeight, pool.outWidth)
    let x = Slow.random(planes * area, seed: 4)
    let dy = Slow.random(planes * oh * ow, seed: 5)
    var expected = [Float]()
    var expectedDX = [Double](repeating: 0, count: x.count)
    for plane in 0..<planes {
      for row in 0..<oh {
        for column in 0..<ow {
          var best = -Float.infinity
          var at = 0
          let (top, left) = (
            row * pool.strideY - pool.padding / 2, column * pool.strideX - pool.padding / 2
          )
          for line in 0..<pool.height where (0..<pool.size).contains(line - top) {
            for place in 0..<pool.width where (0..<pool.size).contains(place - left) {
              let i = plane * area + line * pool.width + place
              if x[i] > best { (best, at) = (x[i], i) }
            }
          }
          expectedDX[at] += Double(dy[expected.count])
          expected.append(best)
        }
      }
    }
    var y = [Float](repeating: .nan, count: expected.count)
    pool.forward(x, planes: planes, output: &y, context: .shared)
    #expect(y == expected)
    var indices = [Int32](repeating: -7, count: expected.count)
    pool.forward(x, planes: planes, output: &y, indices: &indices, context: .shared)
    #expect(y == expected)
    var dx = [Float](repeating: 0, count: x.count)
    pool.backward(dy, indices: indices, planes: planes, inputGradient: &dx, context: .shared)
    #expect(Slow.deviation(dx, expectedDX) < 1e-6)
    guard pool.isQuartering else { return }
    var which = [UInt8](repeating: 9, count: expected.count)
    pool.forward(x, planes: planes, output: &y, which: &which, context: .shared)
    #expect(y == expected)
    for adds in [false, true] {
      var dx = [Float](repeating: adds ? 0.5 : .nan, count: x.count)
      pool.backward(
        dy, which: which, planes: planes, inputGradient: &dx, adds: adds, context: .shared)
      #expect(Slow.deviation(dx, expectedDX.map { $0 + (adds ? 0.5 : 0) }) < 1e-6)
    }
  }
}
