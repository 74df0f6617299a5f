#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Whether this is a build with a sanitizer, as `make sanitize` makes them. Such programs reserve
/// terabytes of addresses, and are slower by tens.
package enum Sanitizer {
  package static let isOn = ["__tsan_init", "__asan_init"].contains { dlsym(nil, $0) != nil }
}
