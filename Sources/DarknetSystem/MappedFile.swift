import CMappedFiles

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A file's bytes in memory: small files read whole, large ones mapped, so that they are read from
/// the disk only where they are looked at.
///
/// The memory is private: writing to it never changes the file. Another program may change the file
/// meanwhile, as Darknet does, which writes its weights in place: `hasChanged` tells. If it cuts a
/// mapped file, a read of what is gone ends the process with a line and exit code 4
/// (`CMappedFiles.h`), since there is nothing that the reader could go on with.
package final class MappedFile: @unchecked Sendable {
  package let path: String
  package let bytes: UnsafeMutableRawBufferPointer

  /// Up to this many bytes reading costs no more than mapping.
  private static let smallLimit = 1 << 20

  private let descriptor: Int32
  private let status: stat
  /// The number of the watch of a mapped file; nil if its bytes are a copy.
  private let watch: Int32?

  /// - Throws: `FileError` if there is no such file or it cannot be read or mapped.
  package init(_ path: String) throws(FileError) {
    self.path = path
    let descriptor = try ReadableFile.open(path)
    do throws(FileError) {
      var status = stat()
      guard fstat(descriptor, &status) == 0 else { throw FileError(.read, path, code: errno) }
      (bytes, watch) = try Self.contents(descriptor, Int(status.st_size), path)
      self.status = status
      self.descriptor = descriptor
    } catch {
      close(descriptor)
      throw error
    }
  }

  deinit {
    close(descriptor)
    guard let base = bytes.baseAddress else { return }
    guard let watch else { return bytes.deallocate() }
    cm_forget(watch)
    munmap(base, bytes.count)
  }

  /// Whether the file was written to since it was opened. A file that another one replaced keeps
  /// its bytes.
  package var hasChanged: Bool {
    var now = stat()
    guard fstat(descriptor, &now) == 0 else { return true }
    return now.st_size != status.st_size || Self.modified(now) != Self.modified(status)
  }

  private static func modified(_ status: stat) -> [Int] {
    #if canImport(Darwin)
      [status.st_mtimespec.tv_sec, status.st_mtimespec.tv_nsec]
    #else
      [Int(status.st_mtim.tv_sec), Int(status.st_mtim.tv_nsec)]
    #endif
  }

  /// Gives the memory of pages that were only read back to the system; they are read again from
  /// the file when needed.
  package func releasePages() {
    guard watch != nil, let base = bytes.baseAddress else { return }
    madvise(base, bytes.count, Int32(MADV_DONTNEED))
  }

  private static func contents(
    _ descriptor: Int32, _ count: Int, _ path: String
  ) throws(FileError) -> (UnsafeMutableRawBufferPointer, watch: Int32?) {
    guard count > 0 else { return (UnsafeMutableRawBufferPointer(start: nil, count: 0), nil) }
    guard count > smallLimit else { return (try read(descriptor, count, path), nil) }
    let mapped = mmap(nil, count, PROT_READ | PROT_WRITE, MAP_PRIVATE, descriptor, 0)
    guard let mapped, mapped != MAP_FAILED else { throw FileError(.read, path, code: errno) }
    let watch = path.cPath.withUnsafeBufferPointer { cm_watch(mapped, count, $0.baseAddress) }
    guard watch < 0 else {
      return (UnsafeMutableRawBufferPointer(start: mapped, count: count), watch)
    }
    munmap(mapped, count)
    return (try read(descriptor, count, path), nil)
  }

  /// At most `count` bytes: as many as there are now.
  private static func read(
    _ descriptor: Int32, _ count: Int, _ path: String
  ) throws(FileError) -> UnsafeMutableRawBufferPointer {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 64)
    var done = 0
    while done < count {
      let got = pread(descriptor, memory.baseAddress! + done, count - done, off_t(done))
      if got < 0, errno == EINTR { continue }
      guard got >= 0 else {
        let code = errno
        memory.deallocate()
        throw FileError(.read, path, code: code)
      }
      if got == 0 { break }
      done += got
    }
    return UnsafeMutableRawBufferPointer(rebasing: memory[..<done])
  }
}
