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
  private static let marks: [String] = ["__tsan_init", "__asan_init"]

  package static let isOn = marks.contains { dlsym(nil, $0) != nil }
}
