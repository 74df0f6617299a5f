#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What this machine has to offer, asked before something large is allocated: Linux hands out
/// more memory than there is and kills the process later.
package enum MachineMemory {
  /// Bytes of physical memory.
  package static var total: Int {
    let pages = sysconf(Int32(_SC_PHYS_PAGES))
    let page = sysconf(Int32(_SC_PAGESIZE))
    let (bytes, overflow) = pages.multipliedReportingOverflow(by: page)
    return pages > 0 && page > 0 && !overflow ? bytes : .max
  }

  /// The most bytes that this process has had in memory so far.
  package static var peakOfProcess: Int {
    var usage = rusage()
    #if canImport(Glibc)
      let who = __rusage_who_t(RUSAGE_SELF.rawValue)
    #else
      let who = RUSAGE_SELF
    #endif
    guard getrusage(who, &usage) == 0 else { return 0 }
    #if canImport(Darwin)
      return usage.ru_maxrss
    #else
      return usage.ru_maxrss * 1024
    #endif
  }

  /// Bytes that can be used now without swapping, as the kernel estimates it; `total` where it
  /// does not say.
  package static var available: Int {
    let descriptor = open("/proc/meminfo", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return total }
    defer { close(descriptor) }
    var text = [UInt8](repeating: 0, count: 1024)
    let count = read(descriptor, &text, text.count)
    guard count > 0 else { return total }
    let lines = text[..<count].split(separator: UInt8(ascii: "\n"))
    let key = Array("MemAvailable:".utf8)
    guard let line = lines.first(where: { $0.starts(with: key) }) else { return total }
    let digits = line.filter { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    guard let kibibytes = Int(String(decoding: digits, as: UTF8.self)) else { return total }
    let (bytes, overflow) = kibibytes.multipliedReportingOverflow(by: 1024)
    return overflow ? total : min(bytes, total)
  }
}
