import DarknetConfig
import DarknetImages
import DarknetText

/// Something wrong with a single picture, label or line of a list. It is counted and reported
/// once; training and evaluation go on without it.
public struct DataProblem: Error, Hashable, Sendable, CustomStringConvertible {
  /// The numbers of a label after its class.
  public enum Field: String, Sendable {
    /// Of the box, in parts of the picture: centre and size.
    case x, y, width, height
  }

  /// What is wrong.
  public enum Kind: Error, Hashable {
    // Lists
    /// A list has this many empty lines.
    case emptyLines(Int)

    // Lines of a label file: the object is left out
    /// The first word is not a number; `found` is the word.
    case noClass(found: String)
    /// The class is none of the network, which has this many.
    case classOutOfRange(Int, classes: Int)
    /// A line has this many numbers, instead of a class and four.
    case tooFewNumbers(Int)
    /// Commas or semicolons where blanks should be.
    case separated(by: String)
    /// A line has this many numbers, instead of a class and four.
    case tooManyNumbers(Int)
    /// The word of this field is not a number.
    case noNumber(Field, found: String)
    /// The number of this field is infinite or not a number.
    case notFinite(Field, found: String)
    /// The width or the height is not above 0.
    case noSize(width: Float, height: Float)
    /// The centre is outside of the picture.
    case centreOutside(x: Float, y: Float)
    /// Both coordinates of the centre are 0: what a failed conversion leaves.
    case centreAtOrigin

    // Lines of a label file: the object is kept
    /// Wider or higher than the picture; cut to it.
    case largerThanPicture(width: Float, height: Float)
    /// A sixth number, dropped.
    case confidence

    // Label files as a whole: the picture counts as one without objects
    /// No such file; `otherPlaces` were looked at as well, and `near` is a file that may be meant.
    case missingLabels(picture: String, otherPlaces: [String], near: String?)
    /// The picture's path does not lead to that of a label file.
    case noLabelPath(Dialect)

    // Label files as a whole: training draws another picture
    /// The file is there, and cannot be read.
    case unreadableLabels(reason: String)
    /// There was one earlier in this training.
    case vanishedLabels(picture: String)

    // Label files as a whole: the first counts
    /// Another place for the picture's labels has a file, too, with another content.
    case ambiguousLabels(other: String)

    // Pictures: another one is drawn
    /// It cannot be read or is no picture.
    case unreadablePicture(ImageError.Problem)

    // Classifiers: the number of labels that are part of the picture's path, where one should be.
    /// This many labels are parts of the path, instead of one.
    case labelsInPath(Int)
  }

  /// The label file, picture or list in question.
  public let file: String
  /// From 1; nil if it is the file as a whole.
  public let line: Int?
  /// What is wrong there.
  public let kind: Kind

  /// A problem with a file, or with one of its lines.
  public init(_ file: String, line: Int? = nil, _ kind: Kind) {
    self.file = file
    self.line = line
    self.kind = kind
  }

  /// `file:line: expected …, found …; what to do or what happened`.
  public var description: String {
    // A picture's error has the same form already.
    if case .unreadablePicture(let problem) = kind {
      return "\(ImageError(place, problem)); another picture takes its place"
    }
    return "\(fault); \(words.then)"
  }

  /// The same without what to do about it.
  var fault: String {
    if case .unreadablePicture(let problem) = kind {
      return "\(place.shown()): \(ImageError(place, problem).found)"
    }
    let (expected, found, _) = words
    return "\(place.shown()): expected \(expected), found \(found)"
  }

  private var place: String { line.map { "\(file):\($0)" } ?? file }

  private var words: (expected: String, found: String, then: String) {
    let leftOut = "the object is left out"
    let line = "'class x y width height'"
    switch kind {
    case .emptyLines(let count):
      return (
        "one path per line", count == 1 ? "an empty line" : "\(count) empty lines",
        count == 1 ? "it is ignored" : "they are ignored"
      )
    case .noClass(let text):
      return ("a whole number as class", "'\(text)'", leftOut)
    case .classOutOfRange(let found, let classes):
      return ("a class in 0...\(classes - 1)", "\(found)", leftOut)
    case .tooFewNumbers(let count):
      return (line, counted(count, "number", "numbers"), leftOut)
    case .separated(let marks):
      return (line, "\(marks) between the numbers", "use spaces; \(leftOut)")
    case .tooManyNumbers(let count):
      return (line, "\(count) numbers", "outlines and key points are not read; \(leftOut)")
    case .noNumber(let field, let text):
      let advice = text.contains(",") ? "write decimals with a point; " : ""
      return ("a number as \(field)", "'\(text)'", advice + leftOut)
    case .notFinite(let field, let text):
      return ("a finite number as \(field)", "'\(text)'", leftOut)
    case .noSize(let width, let height):
      return ("a width and height above 0", "\(width) and \(height)", leftOut)
    case .centreOutside(let x, let y):
      let advice = max(abs(x), abs(y)) > 2 ? "divide pixels by the picture's size; " : ""
      return ("a centre with x and y in 0...1", "\(x) and \(y)", advice + leftOut)
    case .centreAtOrigin:
      return ("a centre inside the picture", "x and y of 0", leftOut)
    case .largerThanPicture(let width, let height):
      return (
        "a width and height of at most 1", "\(width) and \(height)",
        "the object is cut to the picture"
      )
    case .confidence:
      return (
        line, "a sixth number",
        "it is taken for a confidence and dropped, here and in other files"
      )
    case .missingLabels(let picture, let otherPlaces, let near):
      let places = ["no such file"] + otherPlaces.map { "nor '\($0.shown())'" }
      let found = places.joined(separator: ", ")
      let expected = "the labels of '\(picture.shown())'"
      guard let near else {
        return (
          expected, found, "write an empty file if the picture shows no objects, as is assumed"
        )
      }
      let advice =
        near.hasSuffix(".xml") || near.hasSuffix(".json")
        ? "convert it to lines of \(line)" : "rename it"
      return (
        expected, "\(found), but '\(near.shown())'",
        "\(advice); without labels the picture counts as one without objects"
      )
    case .unreadableLabels(let reason):
      return ("a readable label file", reason, "objects in the picture are not known")
    case .vanishedLabels(let picture):
      return (
        "the labels of '\(picture.shown())'", "no such file any more",
        "another picture takes its place"
      )
    case .ambiguousLabels(let other):
      return (
        "one label file of the picture", "another one with other content, '\(other.shown())'",
        "this one counts; remove one of them"
      )
    case .noLabelPath(.pjreddie):
      return (
        "a picture named .jpg, .png, .JPG or .JPEG", "another name",
        "pjreddie's rule has no label file for it: rename it; without labels it counts as one "
          + "without objects"
      )
    case .noLabelPath(.alexeyab):
      return (
        "a picture", "the name of a label file",
        "list the pictures; without labels it counts as one without objects"
      )
    case .unreadablePicture:
      preconditionFailure("pictures have words of their own")
    case .labelsInPath(let count):
      return (
        "one label as part of the path", count == 0 ? "none" : "\(count)",
        "rename the picture's folder or the labels"
      )
    }
  }
}

// MARK: - What becomes of it

extension DataProblem {
  /// A class of problems, for counts.
  package enum Group: String, CaseIterable, Sendable {
    case unreadablePictures = "unreadable pictures"
    case missingLabels = "pictures without label file"
    case ambiguousLabels = "pictures with two label files"
    case badLabels = "objects left out"
    case mendedLabels = "labels corrected"
    case badClasses = "pictures of no or several classes"
    case lists = "lists with empty lines"

    /// So many of them: `1 picture without label file`, `2 pictures without label file`.
    package func counted(_ count: Int) -> String {
      DarknetText.counted(count, one, rawValue)
    }

    private var one: String {
      switch self {
      case .unreadablePictures: "unreadable picture"
      case .missingLabels: "picture without label file"
      case .badLabels: "object left out"
      case .ambiguousLabels: "picture with two label files"
      case .mendedLabels: "label corrected"
      case .badClasses: "picture of no or several classes"
      case .lists: "list with empty lines"
      }
    }
  }

  package var group: Group {
    switch kind {
    case .emptyLines: .lists
    case .noClass, .classOutOfRange, .tooFewNumbers, .separated, .tooManyNumbers, .noNumber,
      .notFinite, .noSize, .centreOutside, .centreAtOrigin:
      .badLabels
    case .largerThanPicture, .confidence: .mendedLabels
    case .missingLabels, .unreadableLabels, .vanishedLabels, .noLabelPath: .missingLabels
    case .ambiguousLabels: .ambiguousLabels
    case .unreadablePicture: .unreadablePictures
    case .labelsInPath: .badClasses
    }
  }

  /// The line that this adds to `bad.list`, where Darknet collects pictures and label files that
  /// it cannot open.
  var badListLine: String? {
    switch group {
    case .unreadablePictures, .missingLabels: file
    default: nil
    }
  }

  /// The line that this adds to `bad_label.list`: Darknet's words where it has any.
  var badLabelListLine: String? {
    switch kind {
    case .classOutOfRange(let found, let classes):
      return "Wrong annotation: class_id = \(found). But class_id should be "
        + "[from 0 to \(classes - 1)], file: \(file)"
    case .centreAtOrigin:
      return "Wrong annotation: x = 0, y = 0, < 0 or > 1, file: \(file)"
    case .centreOutside(let x, let y):
      return "Wrong annotation: x = \(sixDecimals(x)), y = \(sixDecimals(y)), file: \(file)"
    case .largerThanPicture(let width, let height):
      let side = width > 1 ? "w = \(sixDecimals(width))" : "h = \(sixDecimals(height))"
      return "Wrong annotation: \(side), file: \(file)"
    default:
      guard group == .badLabels else { return nil }
      let (expected, found, _) = words
      return "Wrong annotation: expected \(expected), found \(found), "
        + "line \(line ?? 0), file: \(file)"
    }
  }

  private func sixDecimals(_ value: Float) -> String { fixed(Double(value), decimals: 6) }
}
