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
public final class FloatBuffer: @unchecked Sendable {
  public let pointer: UnsafeMutablePointer<Float>
  public let count: Int
  /// What keeps borrowed memory alive; nil if the memory is ours.
  private let owner: AnyObject?

  /// `count` zeros.
  ///
  /// - Precondition: `count` is not negative. Sizes from outside are checked long before.
  public init(count: Int) {
    precondition(count >= 0, "a buffer cannot have \(count) elements")
    self.count = count
    owner = nil
    let bytes = max(count, 1) * MemoryLayout<Float>.stride
    var raw: UnsafeMutableRawPointer?
    // Large buffers come from fresh zero pages, so zeroing them again would only touch memory
    // that may never be used.
    if bytes >= 1 << 20 {
      let mapped = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
      precondition(mapped != MAP_FAILED, "out of memory: \(bytes) bytes")
      raw = mapped
    } else {
      precondition(posix_memalign(&raw, 64, bytes) == 0, "out of memory: \(bytes) bytes")
      memset(raw!, 0, bytes)
    }
    pointer = raw!.bindMemory(to: Float.self, capacity: max(count, 1))
  }

  /// A copy of `values`.
  public convenience init(_ values: some Collection<Float>) {
    self.init(count: values.count)
    _ = UnsafeMutableBufferPointer(start: pointer, count: count).initialize(from: values)
  }

  /// A view of memory that `owner` keeps alive.
  public init(borrowing pointer: UnsafeMutablePointer<Float>, count: Int, from owner: AnyObject) {
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
  public var isBorrowed: Bool { owner != nil }

  public var values: UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: pointer, count: count)
  }

  public var array: [Float] { Array(values) }
}
