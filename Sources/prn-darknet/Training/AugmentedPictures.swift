import Darknet
import DarknetCommandLine

/// `-show_imgs`: the pictures as the network sees them, with the boxes that it learns.
final class AugmentedPictures {
  private let list: ListFile
  private let classes: Int
  private let names: [String]
  private var left = 100

  init(_ list: ListFile, classes: Int, names: [String]) {
    self.list = list
    self.classes = classes
    self.names = names
  }

  /// Writes `aug_ITERATION_ROW_NAME.jpg` for each picture of a batch, a hundred in all.
  func write(_ batch: Batch) throws(FileError) {
    let count = batch.shape.count
    for row in 0..<batch.images where left > 0 {
      left -= 1
      let image = Image(
        channels: batch.shape.channels, height: batch.shape.height, width: batch.shape.width)
      image.pointer.update(from: batch.input.pointer + row * count, count: count)
      let picture = image.bitmap().converted(toChannels: 3)
      let boxes = batch.truth.indices.contains(row) ? batch.truth[row] : []
      Canvas(picture).draw(
        boxes.map { object in
          BoxAnnotation(
            object.box, pictureWidth: picture.width, pictureHeight: picture.height,
            classIndex: object.classIndex,
            text: names.indices.contains(object.classIndex)
              ? names[object.classIndex] : "\(object.classIndex)")
        }, classCount: classes)
      let base = CheckpointFolder.base(of: list.pictures[batch.pictures[row]])
      let number = batch.part * batch.images + row
      try ImageFile.save(
        picture, to: "aug_\(batch.iteration)_\(number)_\(base).jpg", durable: false)
    }
  }
}
