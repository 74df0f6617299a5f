import Darknet
import DarknetCommandLine

/// A picture of lines, rectangles and text, as the text of an SVG file.
struct SVGPicture {
  let width: Double
  let height: Double
  private var body = ""

  enum Anchor: String { case start, middle, end }

  init(width: Double, height: Double) {
    self.width = width
    self.height = height
  }

  mutating func rectangle(
    x: Double, y: Double, width: Double, height: Double, fill: String = "none",
    stroke: String? = nil, title: String? = nil
  ) {
    let line = stroke.map { " stroke=\"\($0)\"" } ?? ""
    let open =
      "<rect x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" "
      + "width=\"\(Self.number(width))\" height=\"\(Self.number(height))\" fill=\"\(fill)\"\(line)"
    body += title.map { open + "><title>\(Self.escaped($0))</title></rect>\n" } ?? open + "/>\n"
  }

  mutating func line(
    _ points: [(x: Double, y: Double)], stroke: String, width: Double = 1, isDashed: Bool = false,
    hasArrow: Bool = false
  ) {
    let text = points.map { "\(Self.number($0.x)),\(Self.number($0.y))" }.joined(separator: " ")
    body +=
      "<polyline points=\"\(text)\" fill=\"none\" stroke=\"\(stroke)\" "
      + "stroke-width=\"\(Self.number(width))\""
      + (isDashed ? " stroke-dasharray=\"4 3\"" : "")
      + (hasArrow ? " marker-end=\"url(#arrow)\"" : "") + "/>\n"
  }

  /// - Parameter y: the text's baseline.
  mutating func text(
    _ text: String, x: Double, y: Double, size: Double = 12, anchor: Anchor = .start,
    fill: String = "#222222", isBold: Bool = false
  ) {
    body +=
      "<text x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" "
      + "font-size=\"\(Self.number(size))\" text-anchor=\"\(anchor.rawValue)\" fill=\"\(fill)\""
      + (isBold ? " font-weight=\"bold\"" : "") + ">\(Self.escaped(text))</text>\n"
  }

  /// The file's text.
  var text: String {
    let size = "\(Self.number(width))\" height=\"\(Self.number(height))\""
    return """
      <svg xmlns="http://www.w3.org/2000/svg" width="\(size) viewBox="0 0 \(Self.number(width)) \
      \(Self.number(height))" font-family="DejaVu Sans, Helvetica, Arial, sans-serif">
      <defs><marker id="arrow" markerWidth="8" markerHeight="8" refX="7" refY="3" orient="auto">\
      <path d="M0,0 L7,3 L0,6 z" fill="#222222"/></marker></defs>
      <rect width="100%" height="100%" fill="white"/>
      \(body)</svg>

      """
  }

  /// Two decimals at most, as pictures need no more.
  private static func number(_ value: Double) -> String {
    var text = fixed(value, decimals: 2)
    while text.hasSuffix("0") { text.removeLast() }
    if text.hasSuffix(".") { text.removeLast() }
    return text
  }

  /// Text as XML 1.0 takes it (section 2.2): characters that it forbids are left out, and a byte
  /// that is not UTF-8 becomes the sign of a character that is lost.
  private static func escaped(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result.append(contentsOf: "&amp;".unicodeScalars)
      case "<": result.append(contentsOf: "&lt;".unicodeScalars)
      case ">": result.append(contentsOf: "&gt;".unicodeScalars)
      case "\"": result.append(contentsOf: "&quot;".unicodeScalars)
      case _ where scalar.outsideByte != nil: result.append("\u{FFFD}")
      case "\t", "\n", "\r", "\u{20}"..."\u{FFFD}", "\u{10000}"...: result.append(scalar)
      default: break
      }
    }
    return String(result)
  }
}
