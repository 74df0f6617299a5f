import DarknetConfig
import DarknetData
import DarknetEvaluation
import DarknetText

extension Detector {
  /// Mean average precision on the labelled pictures of a data set, as `detector map` counts it.
  ///
  ///     let result = try detector.evaluate(data: "voc.data")
  ///     print(result.meanAveragePrecision)
  ///
  /// As many pictures are computed at once as `Options.batch` says.
  ///
  /// - Parameters:
  ///   - data: a `.data` file. Reads `valid`, and `difficult` if it is there.
  ///   - options: thresholds, and how the area under the curve is taken.
  ///   - onProblem: hears of pictures and labels that are left out, on this thread.
  /// - Throws: `DarknetError` if a file cannot be read, or no picture can or none has an object.
  public func evaluate(
    data: String, options: MeanAveragePrecision.Options = .init(),
    onProblem: (DataProblem) -> Void = { _ in }
  ) throws(DarknetError) -> MeanAveragePrecision.Result {
    try DarknetError.sorting {
      let data = try DataFile(data)
      let list = try data.list("valid", default: "data/train.txt")
      let difficult = data.difficultPath == nil ? nil : try data.list("difficult", default: "")
      for problem in list.problems { onProblem(problem) }
      return try withDecoder { decoder in
        try DetectorEvaluation(
          of: decoder, on: list, difficult: difficult,
          options: .init(map: options, letterbox: usesLetterbox)
        ).run { event in
          if let problem = event.problem { onProblem(problem) }
        }
      }
    }
  }
}

extension DetectorEvaluation.Event {
  /// What is wrong with a picture or its labels, if the event says so.
  var problem: DataProblem? {
    switch self {
    case .scored: nil
    case .skipped(let error): DataProblem(error.path, .unreadablePicture(error.problem))
    case .problem(let problem): problem
    }
  }
}

extension Classifier {
  /// How often the right class is the most probable one, and among the first, on the pictures of a
  /// data set, as `classifier valid` counts it.
  ///
  ///     let accuracy = try classifier.evaluate(data: "flowers.data", top: 5)
  ///     print(accuracy.first, accuracy.top)
  ///
  /// - Parameters:
  ///   - data: a `.data` file. Reads `valid`, `labels` and `leaves`.
  ///   - top: how many classes the wider figure looks at, at least 1.
  ///   - onProblem: hears of pictures that are left out, on this thread.
  /// - Throws: `DarknetError` if a file cannot be read, there is not a label for each class, or no
  ///   picture can be read.
  public func evaluate(
    data: String, top: Int = 5, onProblem: (DataProblem) -> Void = { _ in }
  ) throws(DarknetError) -> TopAccuracy {
    precondition(top > 0, "at least the first class has to count")
    return try DarknetError.sorting {
      let data = try DataFile(data)
      let list = try data.list("valid", default: "data/train.list")
      let cfg = decoder.plan.network.file
      let labels = try ClassifierTraining.labels(of: data, classes: classCount, cfg: cfg)
      for problem in list.problems { onProblem(problem) }
      return try withDecoder {
        try $0.accuracy(
          on: list, labels: labels, top: top, shouldStop: { false }, onProblem: onProblem)
      }
    }
  }
}

extension ClassDecoder {
  /// Counts right classes over a list.
  ///
  /// - Throws: `DataError` if no picture can be read.
  func accuracy(
    on list: ListFile, labels: ClassLabels, top: Int, shouldStop: @escaping @Sendable () -> Bool,
    onProblem: (DataProblem) -> Void
  ) throws(DataError) -> TopAccuracy {
    var accuracy = TopAccuracy(limit: top)
    var options = ClassifierRun.Options(.valid(plan.network.dialect))
    options.shouldStop = shouldStop
    // swift-format-ignore: ReplaceForEachWithForLoop
    ClassifierRun(self, pictures: list.pictures, options: options).forEach { event in
      switch event {
      case .picture(let picture):
        let truth = labels.classes(ofPicture: picture.path).first
        accuracy.add(picture.probabilities.prefix(labels.count), truth: truth)
      case .skipped(let error):
        onProblem(DataProblem(error.path, .unreadablePicture(error.problem)))
      }
    }
    guard accuracy.pictures > 0 || shouldStop() else { throw list.nothingReadable }
    return accuracy
  }
}

extension PictureFit {
  /// How `classifier valid` looks at pictures.
  package static func valid(_ dialect: Dialect) -> PictureFit {
    dialect == .pjreddie ? .middleSquare : .centerCrop
  }
}
