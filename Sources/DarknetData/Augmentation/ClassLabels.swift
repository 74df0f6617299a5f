#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The classes of a classifier: a picture belongs to that whose label is a part of its path.
package struct ClassLabels: Sendable {
  package let names: [String]
  private let texts: [[CChar]]

  package init(_ names: [String]) {
    self.names = names
    texts = names.map { Array($0.utf8CString) }
  }

  package var count: Int { names.count }

  /// All classes whose label is somewhere in the path: one, if all is well. A class without
  /// a name is in none.
  package func classes(ofPicture path: String) -> [Int] {
    path.withCString { path in
      texts.indices.filter { texts[$0].count > 1 && strstr(path, texts[$0]) != nil }
    }
  }

  /// The row that training compares with: `1 - smoothing` for each class of the picture,
  /// `smoothing / (count - 1)` for the others.
  package func row(_ classes: [Int], smoothing: Float = 0) -> [Float] {
    let rest = count > 1 ? smoothing / Float(count - 1) : 0
    var row = [Float](repeating: rest, count: count)
    for index in classes { row[index] = 1 - smoothing }
    return row
  }
}
