/// A line that Darknet prints while it reads a network. The library collects them; whoever runs
/// the program decides whether they are shown.
public struct Message: Hashable, Sendable {
  public enum Stream: Sendable { case standardOutput, standardError }

  public var stream: Stream
  /// With its line end.
  public var text: String

  public init(_ stream: Stream, _ text: String) {
    self.stream = stream
    self.text = text
  }
}
