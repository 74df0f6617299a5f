import DarknetText

/// How often the right class is among the most probable ones: `classifier valid`.
public struct TopAccuracy: Sendable {
  /// How many classes the wider figure looks at; `top` in the data file.
  public let limit: Int
  /// Pictures that were counted in.
  public private(set) var pictures = 0
  /// Pictures whose class is the most probable one.
  public private(set) var firstCorrect = 0
  /// Pictures whose class is among the first `limit`.
  public private(set) var correct = 0

  /// Nothing counted yet.
  ///
  /// - Precondition: `limit` is at least 1.
  public init(limit: Int) {
    precondition(limit > 0, "at least the first class has to count")
    self.limit = limit
  }

  /// Counts a picture in. Of equally probable classes the first goes first.
  ///
  /// - Parameter truth: the right class; nil if the picture has none, then it counts as wrong.
  public mutating func add<Probabilities: RandomAccessCollection>(
    _ probabilities: Probabilities, truth: Int?
  ) where Probabilities.Element == Float, Probabilities.Index == Int {
    pictures += 1
    guard let truth, probabilities.indices.contains(truth), !probabilities[truth].isNaN else {
      return
    }
    let value = probabilities[truth]
    let before = probabilities.indices.count {
      probabilities[$0] > value || (probabilities[$0] == value && $0 < truth)
    }
    if before == 0 { firstCorrect += 1 }
    if before < limit { correct += 1 }
  }

  /// The `count` most probable classes, the most probable first; of equals the first goes first,
  /// and what is not a number goes last.
  public static func classes(_ probabilities: [Float], count: Int) -> [Int] {
    func rank(_ index: Int) -> Float {
      probabilities[index].isNaN ? -.infinity : probabilities[index]
    }
    let order = probabilities.indices.sorted { (-rank($0), $0) < (-rank($1), $1) }
    return Array(order.prefix(count))
  }

  /// Shares of the pictures so far, 0...1; 0 without pictures.
  public var first: Double { pictures > 0 ? Double(firstCorrect) / Double(pictures) : 0 }
  /// The share whose class is among the first `limit`, 0...1; 0 without pictures.
  public var top: Double { pictures > 0 ? Double(correct) / Double(pictures) : 0 }

  /// What Darknet prints after each picture, without a line end: `0: top 1: 1.000000, top 5: …`.
  public var line: String { line(number: pictures - 1) }

  /// The same with another number in front.
  public func line(number: Int) -> String {
    var text = TextBuffer()
    text.append(number)
    text.append(": top 1: ")
    text.append(first, decimals: 6)
    text.append(", top ")
    text.append(limit)
    text.append(": ")
    text.append(top, decimals: 6)
    return text.string
  }
}
