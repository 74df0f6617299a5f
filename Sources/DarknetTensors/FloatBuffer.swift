#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Owned memory for float32 values, aligned to a cache line, or a view of memory that somebody
/// else keeps alive (a mapped weights file).
///
/// A class, so that layers, executors and optimisers can share one tensor without copying it.
/// It is not synchronised: whoever hands it to several threads decides which part each may touch.
package final class FloatBuffer: @unchecked Sendable {
  package let pointer: UnsafeMutablePointer<Float>
  package let count: Int
  /// What keeps borrowed memory alive; nil if the memory is ours.
  private let owner: AnyObject?

  /// What happens if the system has no memory for a buffer. The program sets it once, before the
  /// first buffer, to say so in a line and end.
  nonisolated(unsafe) package static var outOfMemory: (_ bytes: Int) -> Never = {
    fatalError("out of memory: \($0) bytes")
  }

  /// `count` zeros.
  ///
  /// - Precondition: `count` is not negative. Sizes from outside are checked long before.
  package init(count: Int) {
    precondition(count >= 0, "a buffer cannot have \(count) elements")
    self.count = count
    owner = nil
    let bytes = max(count, 1) * MemoryLayout<Float>.stride
    var raw: UnsafeMutableRawPointer?
    // Large buffers come from fresh zero pages, so zeroing them again would only touch memory
    // that may never be used.
    if bytes >= 1 << 20 {
      raw = FloatBuffer.map(bytes)
    } else {
      guard posix_memalign(&raw, 64, bytes) == 0 else { Self.outOfMemory(bytes) }
      memset(raw!, 0, bytes)
    }
    pointer = raw!.bindMemory(to: Float.self, capacity: max(count, 1))
  }

  /// Zero pages. Large ones of 2 MB each where the system has them: a fault for each 4 kB costs as
  /// much as the copying itself, and their addresses do not fit the processor's tables.
  private static func map(_ bytes: Int) -> UnsafeMutableRawPointer {
    let large = 2 << 20
    // Aligned, or the system would take small pages at both ends.
    let slack = bytes >= 2 * large ? large : 0
    let mapped = mmap(
      nil, bytes + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard mapped != MAP_FAILED else { outOfMemory(bytes) }
    guard slack > 0 else { return mapped! }
    let page = Int(getpagesize())
    let start = UnsafeMutableRawPointer(
      bitPattern: (UInt(bitPattern: mapped!) + UInt(large - 1)) & ~UInt(large - 1))!
    let end = start + (bytes + page - 1) / page * page
    if start > mapped! { munmap(mapped!, start - mapped!) }
    let limit = mapped! + (bytes + slack + page - 1) / page * page
    if limit > end { munmap(end, limit - end) }
    #if os(Linux)
      madvise(start, bytes / large * large, MADV_HUGEPAGE)
    #endif
    return start
  }

  /// A copy of `values`.
  package convenience init(_ values: some Collection<Float>) {
    self.init(count: values.count)
    _ = UnsafeMutableBufferPointer(start: pointer, count: count).initialize(from: values)
  }

  /// A view of memory that `owner` keeps alive.
  package init(borrowing pointer: UnsafeMutablePointer<Float>, count: Int, from owner: AnyObject) {
    self.pointer = pointer
    self.count = count
    self.owner = owner
  }

  deinit {
    guard owner == nil else { return }
    let bytes = max(count, 1) * MemoryLayout<Float>.stride
    if bytes >= 1 << 20 { munmap(pointer, bytes) } else { free(pointer) }
  }

  /// Whether somebody else's memory is seen through this.
  package var isBorrowed: Bool { owner != nil }

  package var values: UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: pointer, count: count)
  }

  package var array: [Float] { withExtendedLifetime(self) { Array(values) } }

  /// The same numbers with their bytes in the order of files, little-endian, or back from it:
  /// nothing is copied on machines of that order.
  package var inFileOrder: FloatBuffer {
    guard UInt16(1).littleEndian != 1 else { return self }
    return FloatBuffer(values.map { Float(bitPattern: $0.bitPattern.byteSwapped) })
  }
}
