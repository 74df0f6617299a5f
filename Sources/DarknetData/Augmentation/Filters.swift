import DarknetGeometry
import DarknetImages
import DarknetTensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Blur and noise on network inputs, in place.
package enum Filters {
  /// A Gaussian of `size` taps (odd), with the deviation that OpenCV takes for it,
  /// `0.3 ((size - 1) / 2 - 1) + 0.8`; beyond the border the picture is mirrored about its last
  /// pixel.
  ///
  /// - Parameter sharp: rectangles, in parts of `target`, that stay as they are.
  package static func blur(_ target: PlaneTarget, channels: Int, size: Int, sharp: [Box] = []) {
    let reach = size / 2
    guard reach > 0 else { return }
    let taps = gaussian(size)
    let (width, height) = (target.width, target.height)
    let blurred = FloatBuffer(count: width * height)
    let line = FloatBuffer(count: max(width + 2 * reach, width))
    let kept = sharp.compactMap { Self.pixels($0, of: target) }
    for c in 0..<channels {
      for y in 0..<height {
        let row = target.row(y, ofPlane: c)
        for x in -reach..<width + reach { line.pointer[x + reach] = row[mirrored(x, width)] }
        let out = blurred.pointer + y * width
        out.update(repeating: 0, count: width)
        for (k, tap) in taps.enumerated() {
          let from = line.pointer + k
          for x in 0..<width { out[x] += tap * from[x] }
        }
      }
      for y in 0..<height {
        let out = line.pointer
        out.update(repeating: 0, count: width)
        for (k, tap) in taps.enumerated() {
          let from = blurred.pointer + mirrored(y + k - reach, height) * width
          for x in 0..<width { out[x] += tap * from[x] }
        }
        write(out, to: target.row(y, ofPlane: c), width: width, y: y, except: kept)
      }
    }
  }

  /// Copies what no rectangle covers. The old row is only read by rows above, long done.
  private static func write(
    _ line: UnsafeMutablePointer<Float>, to row: UnsafeMutablePointer<Float>, width: Int, y: Int,
    except kept: [PixelRect]
  ) {
    for rect in kept where rect.rows.contains(y) {
      let start = rect.columns.lowerBound
      (line + start).update(from: row + start, count: rect.columns.count)
    }
    row.update(from: line, count: width)
  }

  private struct PixelRect {
    let columns: Range<Int>
    let rows: Range<Int>
  }

  private static func pixels(_ box: Box, of target: PlaneTarget) -> PixelRect? {
    func range(_ low: Float, _ high: Float, _ count: Int) -> Range<Int> {
      let limit = Float(count)
      let start = Int(min(limit, max(0, low * limit)))
      return start..<max(start, Int(min(limit, max(0, high * limit)).rounded(.up)))
    }
    let rect = PixelRect(
      columns: range(box.left, box.right, target.width),
      rows: range(box.top, box.bottom, target.height))
    return rect.columns.isEmpty || rect.rows.isEmpty ? nil : rect
  }

  private static func gaussian(_ size: Int) -> [Float] {
    let deviation = 0.3 * (Double(size - 1) / 2 - 1) + 0.8
    let values = (0..<size).map { k in
      let x = Double(k - size / 2)
      return exp(-x * x / (2 * deviation * deviation))
    }
    let sum = values.reduce(0, +)
    return values.map { Float($0 / sum) }
  }

  /// `… 2 1 0 1 2 … n-2 n-1 n-2 …`; lines shorter than the reach swing several times.
  private static func mirrored(_ x: Int, _ count: Int) -> Int {
    guard count > 1 else { return 0 }
    let period = 2 * (count - 1)
    let place = ((x % period) + period) % period
    return place < count ? place : period - place
  }

  /// Adds the upper half of normal noise to every sample, in whole levels, clamped to 1: OpenCV
  /// draws it into bytes without a sign, where all that is below 0 becomes 0. So it only brightens.
  ///
  /// - Parameter deviation: of the whole normal distribution, in levels of 255.
  package static func addNoise(
    _ target: PlaneTarget, channels: Int, deviation: Float, random: inout Random
  ) {
    let levels = normalQuantiles.map {
      max(0, ($0 * deviation).rounded(.toNearestOrEven)) / 255
    }
    levels.withUnsafeBufferPointer { levels in
      for c in 0..<channels {
        for y in 0..<target.height {
          let row = target.row(y, ofPlane: c)
          var bits: UInt64 = 0
          for x in 0..<target.width {
            // Five draws of 12 bits from each 64.
            if x % 5 == 0 { bits = random.next() }
            row[x] = min(1, row[x] + levels[Int(truncatingIfNeeded: bits & 0xFFF)])
            bits >>= 12
          }
        }
      }
    }
  }

  /// The normal distribution cut into 4096 equal parts, and the middle of each: a draw is then
  /// one look-up, where an exact normal number costs a logarithm and a cosine. Ends at 3.7
  /// deviations.
  private static let normalQuantiles: [Float] = (0..<4096).map { k in
    let wanted = (Double(k) + 0.5) / 4096
    var (low, high) = (-6.0, 6.0)
    for _ in 0..<50 {
      let middle = (low + high) / 2
      if erfc(-middle / 2.0.squareRoot()) / 2 < wanted { low = middle } else { high = middle }
    }
    return Float((low + high) / 2)
  }
}
