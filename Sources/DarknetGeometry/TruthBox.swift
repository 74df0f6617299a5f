/// An object that a person marked in a picture: what labels say, losses and figures compare with.
public struct TruthBox: Hashable, Sendable {
  /// In parts of the picture; inside a training batch in parts of the network's input.
  public var box: Box
  public var classIndex: Int
  /// Identity across the frames of a video; 0 if there is none.
  public var trackID: Int

  public init(box: Box, classIndex: Int, trackID: Int = 0) {
    self.box = box
    self.classIndex = classIndex
    self.trackID = trackID
  }
}
