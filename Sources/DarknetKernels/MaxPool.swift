import CKernels
import DarknetGraph

/// Maximum over windows of a plane; `PoolGeometry` says where they are.
package typealias MaxPool = PoolGeometry

extension PoolGeometry {
  /// Pools `planes` (batch times channels) planes. `indices`, if given, receives for each output
  /// the position of the maximum in its plane (the first of equals; -1 if the window lies outside).
  package func forward(
    _ input: UnsafePointer<Float>, planes: Int, output: UnsafeMutablePointer<Float>,
    indices: UnsafeMutablePointer<Int32>? = nil, context: ComputeContext
  ) {
    let (area, outArea) = (height * width, outHeight * outWidth)
    context.run(planes) { plane in
      let (x, y) = (input + plane * area, output + plane * outArea)
      if isQuartering, indices == nil {
        quarter(x, y)
      } else {
        anyWindow(x, y, indices.map { $0 + plane * outArea })
      }
    }
  }

  /// dx[index] += dy, for the indices that `forward` gave.
  package func backward(
    _ outputGradient: UnsafePointer<Float>, indices: UnsafePointer<Int32>, planes: Int,
    inputGradient: UnsafeMutablePointer<Float>, context: ComputeContext
  ) {
    let (area, outArea) = (height * width, outHeight * outWidth)
    context.run(planes) { plane in
      let dx = inputGradient + plane * area
      let (dy, index) = (outputGradient + plane * outArea, indices + plane * outArea)
      for i in 0..<outArea where index[i] >= 0 { dx[Int(index[i])] += dy[i] }
    }
  }

  // MARK: Squares of 2x2 in training

  /// Whether windows are 2x2 squares side by side from the corner on.
  package var isQuartering: Bool {
    size == 2 && strideX == 2 && strideY == 2 && padding / 2 == 0
  }

  /// `forward` for `isQuartering`; `which` receives for each output the place of the maximum in its
  /// square: 0, 1 in the upper row, 2, 3 in the lower, the first of equals.
  package func forward(
    _ input: UnsafePointer<Float>, planes: Int, output: UnsafeMutablePointer<Float>,
    which: UnsafeMutablePointer<UInt8>, context: ComputeContext
  ) {
    let (rows, columns) = (outHeight, outWidth)
    let whole = min(columns, width / 2)
    context.run(planes) { plane in
      let x = input + plane * height * width
      for row in 0..<rows {
        let out = output + (plane * rows + row) * columns
        let place = which + (plane * rows + row) * columns
        let top = x + 2 * row * width
        // A row that is missing is never larger than the one above.
        let bottom = 2 * row + 1 < height ? top + width : top
        kernels.pointee.maxpool2x2_argmax(top, bottom, out, place, whole)
        for column in whole..<max(columns, whole) {
          let isLower = bottom[2 * column] > top[2 * column]
          out[column] = isLower ? bottom[2 * column] : top[2 * column]
          place[column] = isLower ? 2 : 0
        }
      }
    }
  }

  /// Each output's gradient to its maximum, added to what is there or, unless `adds`, with zeros
  /// for all others.
  package func backward(
    _ outputGradient: UnsafePointer<Float>, which: UnsafePointer<UInt8>, planes: Int,
    inputGradient: UnsafeMutablePointer<Float>, adds: Bool, context: ComputeContext
  ) {
    let (rows, columns) = (outHeight, outWidth)
    let whole = min(columns, width / 2)
    context.run(planes) { plane in
      let dx = inputGradient + plane * height * width
      for row in 0..<(height + 1) / 2 {
        let top = dx + 2 * row * width
        let hasBottom = 2 * row + 1 < height
        let line = (plane * rows + row) * columns
        let isInside = row < rows
        if isInside, hasBottom {
          kernels.pointee.maxpool2x2_backward(
            outputGradient + line, which + line, top, top + width, whole, adds)
        }
        // The odd row and column, and what no window covers.
        let done = isInside && hasBottom ? 2 * whole : 0
        if !adds {
          Vector.fill(top + done, with: 0, count: width - done)
          if hasBottom { Vector.fill(top + width + done, with: 0, count: width - done) }
        }
        guard isInside else { continue }
        for column in done / 2..<columns {
          let at = Int(which[line + column])
          top[at / 2 * width + 2 * column + at % 2] += outputGradient[line + column]
        }
      }
    }
  }

  /// Size 2, stride 2, first window at 0: whole blocks in C, the odd column and row here.
  private func quarter(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>) {
    let (rows, columns) = (outHeight, outWidth)
    let whole = min(columns, width / 2)
    for row in 0..<rows {
      let top = x + 2 * row * width
      let bottom = 2 * row + 1 < height ? top + width : top
      let out = y + row * columns
      kernels.pointee.max_rows_2x2(top, bottom, out, whole)
      for column in whole..<max(columns, whole) where 2 * column < width {
        out[column] = max(top[2 * column], bottom[2 * column])
      }
    }
  }

  private func anyWindow(
    _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>,
    _ indices: UnsafeMutablePointer<Int32>?
  ) {
    let (columns, offset) = (outWidth, padding / 2)
    for row in 0..<outHeight {
      let y0 = row &* strideY &- offset
      let yRange = max(y0, 0)..<max(min(y0 &+ size, height), max(y0, 0))
      for column in 0..<columns {
        let x0 = column &* strideX &- offset
        let (low, high) = (max(x0, 0), min(x0 &+ size, width))
        var best = -Float.greatestFiniteMagnitude
        var at = -1
        for line in yRange {
          var position = line &* width &+ low
          let end = line &* width &+ high
          while position < end {
            if x[position] > best {
              best = x[position]
              at = position
            }
            position &+= 1
          }
        }
        y[row &* columns &+ column] = best
        indices?[row &* columns &+ column] = Int32(truncatingIfNeeded: at)
      }
    }
  }
}
