/// An object that a person marked in a picture: what labels say, losses and figures compare with.
package struct GroundTruth: Hashable, Sendable {
  /// In parts of the picture; inside a training batch in parts of the network's input.
  package var box: Box
  package var classIndex: Int
  /// Identity across the frames of a video; 0 if there is none.
  package var trackID: Int

  package init(box: Box, classIndex: Int, trackID: Int = 0) {
    self.box = box
    self.classIndex = classIndex
    self.trackID = trackID
  }
}
