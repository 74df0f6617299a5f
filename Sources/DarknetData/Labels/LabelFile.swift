import DarknetConfig
import DarknetGeometry
import DarknetSystem

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The objects of one picture: a line each, `class x y width height`, in parts of the picture,
/// x and y being the centre.
///
/// Darknet reads five numbers after five numbers and stops where they stop, silently. Here each
/// line is read on its own: a bad one is reported and left out, the others count.
package struct LabelFile: Sendable {
  /// In the file's order.
  package private(set) var objects: [GroundTruth] = []
  package private(set) var problems: [DataProblem] = []

  /// Reads the labels of a picture from wherever they are; without any the picture has no
  /// objects, and a problem says so.
  ///
  /// - Parameter classes: classes from this number on are problems; nil takes all.
  package init(ofPicture picture: String, classes: Int?, dialect: Dialect = .alexeyab) {
    let candidates = LabelPath.candidates(for: picture, dialect: dialect)
    for (place, path) in candidates.enumerated() {
      do throws(DataError) {
        read(try TextFile(path), classes: classes)
      } catch {
        if case .file(let error) = error, error.code == ENOENT || error.code == ENOTDIR { continue }
        problems = [DataProblem(path, .unreadableLabels(reason: Self.reason(error)))]
      }
      isFound = true
      noteOthers(among: candidates[(place + 1)...], than: path)
      return
    }
    problems = [Self.missing(picture, candidates, dialect)]
  }

  /// Whether there is a label file, good or bad.
  package private(set) var isFound = false

  /// Whether what the picture shows is known: there is a label file, or none and so no objects.
  /// False if there is one that cannot be read, or was one.
  package var isUsable: Bool {
    !problems.contains {
      switch $0.kind {
      case .unreadableLabels, .vanishedLabels: true
      default: false
      }
    }
  }

  /// Says of labels that were not found that they were there before.
  mutating func vanish(ofPicture picture: String) {
    guard let file = problems.first?.file else { return }
    problems = [DataProblem(file, .vanishedLabels(picture: picture))]
  }

  /// Other places with another content are a problem: nobody knows which was meant.
  private mutating func noteOthers(among places: ArraySlice<String>, than path: String) {
    for other in places where fileExists(other) {
      guard let mine = try? TextFile(path), let theirs = try? TextFile(other),
        !mine.hasSameText(as: theirs)
      else { continue }
      problems.append(DataProblem(path, .ambiguousLabels(other: other)))
    }
  }

  /// The problem of a picture without a label file, with what lies where it should be.
  private static func missing(
    _ picture: String, _ candidates: [String], _ dialect: Dialect
  ) -> DataProblem {
    // pjreddie's rule may lead to another picture.
    guard let first = candidates.first, first.hasSuffix(".txt") || dialect == .alexeyab else {
      return DataProblem(picture, .noLabelPath(dialect))
    }
    let name = picture.utf8.lastIndex(of: UInt8(ascii: "/")).map {
      String(picture[picture.index(after: $0)...])
    }
    var near: String?
    search: for place in candidates where place.hasSuffix(".txt") {
      let stem = String(place.dropLast(4))
      let folder = place.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(place[...$0]) } ?? ""
      let spellings = [
        "\(folder)\(name ?? picture).txt", "\(stem).TXT", "\(stem).Txt", "\(stem).xml",
        "\(stem).json",
      ]
      for spelling in spellings where fileExists(spelling) {
        near = spelling
        break search
      }
    }
    return DataProblem(
      first,
      .missingLabels(picture: picture, otherPlaces: Array(candidates.dropFirst()), near: near))
  }

  /// From the bytes of a file; `name` is for problems.
  package init(text: some Collection<UInt8>, name: String, classes: Int?) {
    read(TextFile(text, name: name), classes: classes)
  }

  private mutating func read(_ text: TextFile, classes: Int?) {
    if let zeros = text.zeros {
      problems = [
        DataProblem(text.name, .unreadableLabels(reason: "\(zeros.found); \(zeros.fix)"))
      ]
      return
    }
    text.forEachLine { number, line in
      guard !line.isEmpty else { return }
      do throws(DataProblem.Kind) {
        objects.append(try readObject(line, number: number, of: text.name, classes: classes))
      } catch {
        problems.append(DataProblem(text.name, line: number, error))
      }
    }
  }

  private static func reason(_ error: DataError) -> String {
    switch error {
    case .file(let error): error.reason
    case .content(let error): error.found
    }
  }

  // MARK: A line

  private mutating func readObject(
    _ line: UnsafeBufferPointer<UInt8>, number: Int, of name: String, classes: Int?
  ) throws(DataProblem.Kind) -> GroundTruth {
    let tokens = line.split(whereSeparator: { TextFile.isBlank($0) })
    // `0,0.5,0.5,0.1,0.1`, `0;0.5;…` and `0, 0.5, …`, but not the decimals of `0 0,5 0,5 …`.
    let marks = [UInt8(ascii: ","), UInt8(ascii: ";")]
    if let mark = marks.first(where: { tokens.count < 5 ? line.contains($0) : tokens[0].last == $0 }
    ) {
      throw .separated(by: mark == marks[0] ? "commas" : "semicolons")
    }
    guard tokens.count >= 5 else { throw .tooFewNumbers(tokens.count) }
    guard tokens.count <= 6 else { throw .tooManyNumbers(tokens.count) }
    let classIndex = try Self.classIndex(tokens[0])
    let x = try Self.number(tokens[1], .x)
    let y = try Self.number(tokens[2], .y)
    var width = try Self.number(tokens[3], .width)
    var height = try Self.number(tokens[4], .height)
    if tokens.count == 6 {
      // Anything but a number there means that the line is something else.
      guard Self.number(tokens[5]) != nil else { throw .tooManyNumbers(6) }
      problems.append(DataProblem(name, line: number, .confidence))
    }
    if let classes, !(0..<classes).contains(classIndex) {
      throw .classOutOfRange(classIndex, classes: classes)
    }
    guard classIndex >= 0 else { throw .classOutOfRange(classIndex, classes: Int(Int32.max)) }
    guard width > 0, height > 0 else { throw .noSize(width: width, height: height) }
    guard x != 0 || y != 0 else { throw .centreAtOrigin }
    guard (0...1).contains(x), (0...1).contains(y) else { throw .centreOutside(x: x, y: y) }
    if width > 1 || height > 1 {
      // Six decimals of a box as large as the picture may end just above 1.
      if max(width, height) > 1.00001 {
        problems.append(
          DataProblem(name, line: number, .largerThanPicture(width: width, height: height)))
      }
      (width, height) = (min(width, 1), min(height, 1))
    }
    return GroundTruth(
      box: Box(x: x, y: y, width: width, height: height), classIndex: classIndex)
  }

  private static func classIndex(
    _ token: Slice<UnsafeBufferPointer<UInt8>>
  ) throws(DataProblem.Kind) -> Int {
    // Some tools write the class as `3.0` or `3.000000`.
    guard let value = number(token), let index = Int(exactly: value),
      index.magnitude <= Int32.max
    else { throw .noClass(found: text(token)) }
    return index
  }

  private static func number(
    _ token: Slice<UnsafeBufferPointer<UInt8>>, _ field: DataProblem.Field
  ) throws(DataProblem.Kind) -> Float {
    guard let value = number(token) else { throw .noNumber(field, found: text(token)) }
    let rounded = Float(value)
    guard rounded.isFinite else { throw .notFinite(field, found: text(token)) }
    return rounded
  }

  /// The number that all of the token is, if it is one; `nan` and `inf` are.
  private static func number(_ token: Slice<UnsafeBufferPointer<UInt8>>) -> Double? {
    let bytes = UnsafeBufferPointer(rebasing: token)
    // strtod stops at the blank, line end or zero that follows each token.
    return bytes.withMemoryRebound(to: CChar.self) { characters in
      let start = UnsafeMutablePointer(mutating: characters.baseAddress!)
      var end: UnsafeMutablePointer<CChar>? = start
      let value = strtod(start, &end)
      return end == start + characters.count ? value : nil
    }
  }

  /// At most 40 characters, for messages.
  private static func text(_ token: Slice<UnsafeBufferPointer<UInt8>>) -> String {
    String(rawBytes: token.prefix(41)).shown(limit: 40)
  }
}
