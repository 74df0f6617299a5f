import Darknet
import DarknetCommandLine

/// Gathers the boxes of `detector map -coco` and what they are compared with.
struct CocoCollector {
  private var truth: CocoDataset
  private var detections: [CocoDetection] = []
  /// Objects come from an instances file, so pictures and categories have its numbers.
  private let instances: Instances?

  private struct Instances {
    var file: String
    var all: CocoDataset
    /// The category of each class.
    var categories: [Int]
  }

  /// - Parameter file: COCO's instances, or nil to take the labels.
  init(list: ListFile, classCount: Int, instances file: String?) throws {
    guard let file else {
      instances = nil
      truth = CocoDataset(images: [], categories: Array(0..<classCount), objects: [])
      return
    }
    let all = try FileBytes.read(file).withUnsafeBytes { try CocoDataset(json: $0, file: file) }
    let known = Set(all.categories).sorted()
    guard classCount == known.count || classCount == ResultsWriter.cocoCategories.count else {
      throw ConfigError(
        file: file, expected: "the \(classCount) categories of the network",
        found: "\(known.count)", fix: "name the file of this data set")
    }
    let categories = classCount == known.count ? known : ResultsWriter.cocoCategories
    instances = Instances(file: file, all: all, categories: categories)
    truth = CocoDataset(images: [], categories: known, objects: [])
  }

  /// Takes a picture; its last set of detections counts.
  mutating func add(_ picture: DetectorRun.Picture) {
    let (width, height) = (picture.width, picture.height)
    var image = picture.index
    if instances != nil {
      let about = ResultsPicture(path: picture.path, width: width, height: height)
      // A picture without a number is in no instances file: one that none has.
      image = about.cocoIdentity ?? -1 - picture.index
    } else {
      truth.objects += picture.objects.map {
        CocoDataset.Object($0, image: image, pictureWidth: width, pictureHeight: height)
      }
    }
    truth.images.append(image)
    detections += CocoDetection.list(
      picture.detections.last!, image: image, pictureWidth: width, pictureHeight: height
    ).map { detection in
      guard let instances else { return detection }
      var moved = detection
      moved.category = instances.categories[detection.category]
      return moved
    }
  }

  /// The figures of the pictures so far.
  ///
  /// - Throws: if the instances file does not know one of them.
  func figures() throws -> CocoEvaluation.Figures {
    guard let instances else {
      return CocoEvaluation(truth: truth, detections: detections).overall
    }
    var truth = truth
    let known = Set(instances.all.images)
    let foreign = truth.images.count { !known.contains($0) }
    guard foreign == 0 else {
      throw ConfigError(
        file: instances.file, expected: "all pictures of the list",
        found: "\(foreign) of \(truth.images.count) missing",
        fix: "name the instances of this list, whose pictures are named by their number")
    }
    let seen = Set(truth.images)
    truth.objects = instances.all.objects.filter { seen.contains($0.image) }
    return CocoEvaluation(truth: truth, detections: detections).overall
  }
}
