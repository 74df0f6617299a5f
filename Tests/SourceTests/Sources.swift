import DarknetTestSupport
import Foundation

/// The project's own sources, read as text.
enum Sources {
  static let root = ProjectFolder.root

  /// The library's modules in Swift, without the program.
  static let modules: [String] = {
    let folder = root.appendingPathComponent("Sources")
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return names.filter { $0.hasPrefix("Darknet") }.sorted()
  }()

  /// Paths from the project's folder on, and texts.
  static func swiftFiles(in folder: String) throws -> [(path: String, text: String)] {
    let walk = FileManager.default.enumerator(atPath: root.appendingPathComponent(folder).path)
    var files: [(String, String)] = []
    while let name = walk?.nextObject() as? String {
      guard name.hasSuffix(".swift") else { continue }
      let path = "\(folder)/\(name)"
      files.append(
        (path, try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)))
    }
    return files.sorted { $0.0 < $1.0 }
  }

  /// What users see of each module: declarations with their files.
  static let surface: [String: [(path: String, declaration: PublicSurface.Declaration)]] = {
    var result: [String: [(path: String, declaration: PublicSurface.Declaration)]] = [:]
    for module in modules {
      let files = (try? swiftFiles(in: "Sources/\(module)")) ?? []
      let hidden = files.reduce(into: Set<String>()) {
        $0.formUnion(PublicSurface($1.text).hiddenTypes)
      }
      result[module] = files.flatMap { file in
        PublicSurface(file.text, hiddenTypes: hidden).declarations.map { (file.path, $0) }
      }
    }
    return result
  }()

  /// The rows between `<!-- name -->` and `<!-- end of name -->` of a page, without the heading.
  static func table(_ name: String, in page: String) throws -> [String] {
    let text = try String(contentsOf: root.appendingPathComponent(page), encoding: .utf8)
    let rows = text.split(separator: "\n").drop { $0 != "<!-- \(name) -->" }
      .prefix { $0 != "<!-- end of \(name) -->" }
      .filter { $0.hasPrefix("| ") }
    return rows.dropFirst().map(String.init)
  }
}
