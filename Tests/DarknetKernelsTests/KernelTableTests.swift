import CKernels
import DarknetKernels
import DarknetTestSupport
import Foundation
import Testing

/// Kernels without a call of their own in these tests: what reaches them in every variant. Each
/// name is of a test's file and a text in it, so that an entry cannot outlive its test.
private let reached: [String: (file: String, text: String)] = [
  "winograd_strip": ("ExtentTests", "InferenceConvolution.Algorithm.allCases"),
  "winograd_gather": ("ExtentTests", "InferenceConvolution.Algorithm.allCases"),
  "direct_copy": ("ExtentTests", "InferenceConvolution.Algorithm.allCases"),
  "direct_rows": ("ExtentTests", "InferenceConvolution.Algorithm.allCases"),
  "pointwise": ("ExtentTests", "InferenceConvolution.Algorithm.allCases"),
  "planar_band": ("ExtentTests", "InferenceConvolution.Algorithm.allCases"),
  "planar_copy": ("TrainingProductTests", "(.planar,"),
  "depthwise_rows": ("ExtentTests", "InferenceConvolution.Algorithm.allCases"),
]

@Suite struct KernelTableTests {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()

  /// The kernels that the header declares.
  private static func declared() throws -> [String] {
    let header = try String(
      contentsOf: ProjectFolder.root.appendingPathComponent(
        "Sources/CKernels/include/CKernels.h"), encoding: .utf8)
    return header.matches(of: /\(\*([a-z0-9_]+)\)\(/).map { String($0.1) }
  }

  @Test func `every kernel of the table has a test in all variants`() throws {
    var sources: [String: String] = [:]
    for file in try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
    where file.hasSuffix("Tests.swift") {
      sources[String(file.dropLast(6))] = try String(
        contentsOf: Self.folder.appendingPathComponent(file), encoding: .utf8)
    }
    let names = try Self.declared()
    // Two words of the table are no kernels: its name and its tile.
    #expect(names.count == MemoryLayout<ck_kernels>.size / MemoryLayout<Int>.size - 2)
    for name in names {
      if let place = reached[name] {
        #expect(sources[place.file]?.contains(place.text) == true, "\(name): \(place.file) lost it")
        continue
      }
      // As `t.name(` of the loop over the variants, or `table.pointee.name(`.
      let isCalled = sources.values.contains {
        $0.contains(" t.\(name)(") || $0.contains("(t.\(name)(")
          || $0.contains("table.pointee.\(name)(")
      }
      #expect(isCalled, "\(name) has no test")
    }
    #expect(Set(reached.keys).isSubset(of: Set(names)))
  }

  @Test func `no variant leaves a place of the table empty`() {
    for index in 0..<ck_variant_count() {
      ck_variant(index).withMemoryRebound(
        to: UInt.self, capacity: MemoryLayout<ck_kernels>.size / MemoryLayout<UInt>.size
      ) { words in
        for i in 0..<MemoryLayout<ck_kernels>.size / MemoryLayout<UInt>.size {
          #expect(words[i] != 0, "variant \(index), word \(i)")
        }
      }
    }
  }
}
