import Foundation
import Testing

/// Outside of `DarknetLayers` nobody asks of which type a layer is: layers give facts
/// (`LayerFacts` and the other protocols of its `Contract/`), so that a new one touches its own file.
@Suite struct LayerTypeTests {
  /// The types that `LayerRegistry` lists.
  private static let types: Set<String> = {
    let registry = "Sources/DarknetLayers/Contract/LayerRegistry.swift"
    let text =
      (try? String(
        contentsOf: Sources.root.appendingPathComponent(registry), encoding: .utf8)) ?? ""
    return Set(
      text.split(separator: "\n").compactMap { line in
        let entry = line.trimmingCharacters(in: .whitespaces)
        return entry.hasSuffix("Layer.self,") ? String(entry.dropLast(".self,".count)) : nil
      })
  }()

  /// What follows `as`, `as?`, `as!` or `is` in a source, comments left out.
  static func castTargets(in text: String) -> [String] {
    let code = text.split(separator: "\n").map { line in
      line.range(of: "//").map { line[..<$0.lowerBound] } ?? line
    }.joined(separator: " ")
    let words = code.split { !$0.isLetter && !$0.isNumber && $0 != "_" }
    return zip(words, words.dropFirst()).compactMap { word, next in
      word == "as" || word == "is" ? String(next) : nil
    }
  }

  @Test func `casts are found as they are written`() {
    let text = """
      if let head = node.layer as? YoloLayer { }
      switch layer { case is RouteLayer: 1; case let x as ConvolutionalLayer: 2 }
      // node.layer is CostLayer
      let all = layer
        as! CropLayer
      """
    #expect(
      Self.castTargets(in: text) == ["YoloLayer", "RouteLayer", "ConvolutionalLayer", "CropLayer"])
  }

  @Test func `no cast to a layer's type outside of DarknetLayers`() throws {
    #expect(Self.types.count > 35)
    let files = try Sources.swiftFiles(in: "Sources").filter {
      !$0.path.hasPrefix("Sources/DarknetLayers/")
    }
    #expect(files.count > 150)
    for (path, text) in files {
      let casts = Self.castTargets(in: text).filter(Self.types.contains)
      #expect(casts.isEmpty, "\(path): expected facts of layers, found casts to \(casts)")
    }
  }
}
