import CKernels
import DarknetSystem

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The C kernels' variant in use: chosen at the first call, by what the CPU offers.
///
/// The environment variable `PRN_DARKNET_CPU` (baseline, avx2, avx512, neon) chooses another one
/// that this CPU can run. A name that it cannot run leaves the choice as it is; `refused` tells.
package enum KernelVariant {
  /// The name of the variant in use.
  package static var active: String { String(cString: kernels.pointee.name) }

  /// The names of all variants that this CPU can run, plainest first.
  package static var available: [String] { runnable.map { String(cString: $0.pointee.name) } }

  /// What `PRN_DARKNET_CPU` names if it is not a variant that runs here; nil if it is, or is empty.
  package static var refused: String? {
    guard let value = getenv("PRN_DARKNET_CPU"), value.pointee != 0 else { return nil }
    let bytes = UnsafeRawBufferPointer(start: value, count: strlen(value))
    let name = String(rawBytes: bytes)
    return available.contains(name) ? nil : name
  }

  /// The tables of those variants, for tests that compare them.
  package static var runnable: [KernelTable] {
    (0..<ck_variant_count()).filter { ck_variant_runs($0) }.map { ck_variant($0) }
  }
}

/// The kernels of one instruction set.
package typealias KernelTable = UnsafePointer<ck_kernels>

/// The table of the variant in use.
@inline(__always) package var kernels: KernelTable { ck_active() }
