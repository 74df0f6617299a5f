/// A line that Darknet prints while it reads a network. The library collects them; whoever runs
/// the program decides whether they are shown.
package struct Message: Hashable, Sendable {
  package enum Stream: Sendable { case standardOutput, standardError }

  package var stream: Stream
  /// With its line end.
  package var text: String

  package init(_ stream: Stream, _ text: String) {
    self.stream = stream
    self.text = text
  }
}
