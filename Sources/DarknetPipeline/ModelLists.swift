import DarknetGeometry
import DarknetImages

extension Detector {
  /// Goes through a list of picture files: decodes ahead on all cores while others are computed, as
  /// many at once as `Options.batch` says, so that it is faster than a call for each.
  ///
  /// - Parameters:
  ///   - files: paths of pictures.
  ///   - thresholds: what is found and what is not.
  ///   - body: called for each file in its order, from this thread, with its objects or the reason
  ///     why it could not be read. It must not use this detector.
  /// - Throws: what `body` throws, which ends the run.
  public func forEach(
    _ files: [String], _ thresholds: Thresholds = Thresholds(),
    body: (_ file: String, _ objects: Result<[DetectedObject], ImageError>) throws -> Void
  ) rethrows {
    var options = DetectorRun.Options(
      .init(threshold: thresholds.confidence, overlap: thresholds.overlap),
      letterbox: usesLetterbox)
    options.hierarchyThreshold = thresholds.hierarchy
    try withDecoder { decoder in
      // swift-format-ignore: ReplaceForEachWithForLoop
      try DetectorRun(decoder, pictures: files, options: options).forEach { event in
        switch event {
        case .picture(let picture):
          var detections = picture.detections[0]
          _ = detections.removeImpossible(limit: Self.boxLimit)
          let objects = detections.objects(
            above: thresholds.confidence, names: names, width: picture.width,
            height: picture.height)
          try body(picture.path, .success(objects))
        case .skipped(let error): try body(error.path, .failure(error))
        case .problem: break  // No labels are read.
        }
      }
    }
  }
}

extension Classifier {
  /// Goes through a list of picture files: decodes ahead on all cores while others are computed, as
  /// many at once as `Options.batch` says, so that it is faster than a call for each.
  ///
  /// - Parameters:
  ///   - files: paths of pictures.
  ///   - top: how many classes of each; all if there are fewer.
  ///   - body: called for each file in its order, from this thread, with its most probable classes
  ///     or the reason why it could not be read. It must not use this classifier.
  /// - Throws: what `body` throws, which ends the run.
  public func forEach(
    _ files: [String], top: Int = 5,
    body: (_ file: String, _ scores: Result<[ClassScore], ImageError>) throws -> Void
  ) rethrows {
    try withDecoder { decoder in
      // swift-format-ignore: ReplaceForEachWithForLoop
      try ClassifierRun(
        decoder, pictures: files, options: .init(fit, onlyLeaves: showsOnlyLeaves)
      ).forEach { event in
        switch event {
        case .picture(let picture):
          try body(picture.path, .success(scores(picture.probabilities, top: top)))
        case .skipped(let error): try body(error.path, .failure(error))
        }
      }
    }
  }
}
