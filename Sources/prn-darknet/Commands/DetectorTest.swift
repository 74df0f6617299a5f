import Darknet
import DarknetCommandLine

/// `detector test DATA CFG [WEIGHTS] [IMAGE]`: detections on pictures.
enum DetectorTest: Command {
  static let words = ["detector", "test"]
  static let about = "detect objects in pictures, or in those named on standard input"
  static let threshold = Flag<Float?>.share(
    "-thresh", without: "0.25, 0.5 in pjreddie's dialect", "smallest probability shown"
  ).ofDarknet.calledElsewhere("-conf", "-confidence", "-threshold")
  static let extendedOutput = Flag.toggle(
    "-ext_output", "coordinates in the text lines"
  ).ofDarknet
  static let results = Flag.text(
    "-out",
    "detections as JSON; in pjreddie's dialect the picture FILE.jpg, unless FILE ends in "
      + ".json"
  ).ofDarknet.written
  static let saveLabels = Flag.toggle(
    "-save_labels",
    "write a label file for each picture, where its labels are looked for; -force replaces "
      + "existing ones"
  ).ofDarknet
  static let labelsFolder = Flag.text("-labels", "DIR", "write label files into this folder")
  static let saveConfidence = Flag.toggle(
    "-save_conf", "add the probability as the sixth number of a label")
  static let skipEmpty = Flag.toggle("-skip_empty", "write no label file where nothing was found")
  static let saveImages = Flag.text(
    "-save_images", "DIR", "write each picture with its boxes into this folder, under its own name")
  static let syntax = Syntax(
    [Words.data, Words.cfg, Words.optionalWeights, Words.images],
    flags: [
      threshold, extendedOutput, results, saveImages, saveLabels, labelsFolder, saveConfidence,
      skipEmpty, Flags.quiet,
    ],
    groups: [.suppression, .inference, .weightsFile], family: .detector,
    notes: """
      IMAGE: pictures, folders of pictures, patterns in quotes, or lists that end in .txt. Without
      it pictures come from standard input, one path per line. Reads 'names' of DATA. Writes
      predictions.jpg, the last picture with its boxes, into the current folder.
      """)

  static func run(_ arguments: Arguments) throws -> ExitStatus {
    try run(PictureWords(arguments), arguments, thresholds: (0.25, 0.5))
  }

  static func run(
    _ words: PictureWords, _ arguments: Arguments,
    thresholds: (alexeyab: Float, pjreddie: Float)
  ) throws -> ExitStatus {
    let dataFile = try DetectorFiles.data(words.data, arguments)
    let names = try words.names(dataFile)
    let cfg = words.cfg
    let isOriginal = arguments.dialect == .pjreddie
    let loaded = try Load.network(
      cfg, weights: words.weights, arguments, needsWeights: true
    ) { network in try network.requirePictureInput() }
    var settings = Detector.Options()
    settings.letterbox = Pictures.usesLetterbox(loaded.network, arguments)
    settings.convolutions = arguments.convolutions
    let detector = Detector(
      loaded.network, parameters: loaded.parameters, names: names.names, options: settings,
      afterPacking: { loaded.file?.releasePages() })
    guard detector.classCount > 0 else {
      throw HeadDecoder.noHead(in: cfg)
    }
    DetectorFiles.compareClasses(dataFile, with: detector.classCount, of: cfg)
    DetectorFiles.compareNames(names, with: detector.classCount, of: cfg)
    DetectorFiles.compareHeads(of: detector.decoder, in: cfg)
    if names.names.count != detector.classCount, !isOriginal {
      Console.out(
        "\n Error: in the file \(names.path) number of names \(names.names.count) that isn't "
          + "equal to classes=\(detector.classCount) in the file \(cfg) \n")
    }
    let options = DetectionRun.Options(
      thresholds: Detector.Thresholds(
        confidence: arguments[threshold]
          ?? (isOriginal ? thresholds.pjreddie : thresholds.alexeyab),
        overlap: arguments[Flags.overlap], hierarchy: arguments[Flags.hierarchy]),
      isOriginal: isOriginal, isExtended: arguments[extendedOutput],
      isQuiet: arguments[Flags.quiet],
      weights: words.weights)
    let run = try outputs(of: detector, names.names, options, arguments)
    return try run.detect(words.images, arguments)
  }

  /// Opens the files that are asked for, which must be writable before the first picture.
  private static func outputs(
    of detector: Detector, _ names: [String], _ options: DetectionRun.Options,
    _ arguments: Arguments
  ) throws -> DetectionRun {
    let labels = SavedLabels.Options(
      folder: arguments[labelsFolder], keepsConfidence: arguments[saveConfidence],
      skipsEmpty: arguments[skipEmpty], replaces: arguments[Flags.force],
      dialect: detector.decoder.plan.network.dialect)
    let savesLabels = arguments[saveLabels] || labels.folder != nil
    for flag in [saveConfidence, skipEmpty] where arguments[flag] && !savesLabels {
      throw UsageError("\(flag.name): expected -save_labels or -labels DIR with it, found neither")
    }
    // In pjreddie's dialect -out names a picture, unless it looks like JSON.
    let out = arguments[results]
    let isJSON = !options.isOriginal || out?.hasSuffix(".json") == true
    let json = isJSON ? out : nil
    return DetectionRun(
      detector: detector, names: names, options: options,
      json: try json.map { try ResultsJSON($0) },
      labels: savesLabels ? try SavedLabels(labels) : nil,
      drawings: try Drawings(
        lastPath: isJSON ? "predictions.jpg" : out.map { $0 + ".jpg" } ?? "predictions.jpg",
        folder: arguments[saveImages],
        hasOtherResults: json != nil || savesLabels))
  }
}

/// `detect CFG WEIGHTS [IMAGE …]`: `detector test` with `cfg/coco.data`.
enum Detect: Command {
  static let words = ["detect"]
  static let about = "'detector test' with cfg/coco.data and a threshold of .24"
  static let syntax = DetectorTest.syntax.with(
    words: [Words.cfg, Words.weights, Words.images], flag: threshold,
    notes: """
      IMAGE works as in 'detector test'. The names are those of cfg/coco.data, in the current
      folder, beside CFG or where the program is installed; for others use 'detector test'. Writes
      predictions.jpg into the current folder.
      """)
  private static let threshold = Flag<Float?>.share(
    "-thresh", without: "0.24, 0.5 in pjreddie's dialect", "smallest probability shown"
  ).ofDarknet.calledElsewhere("-conf", "-confidence", "-threshold")

  static func run(_ arguments: Arguments) throws -> ExitStatus {
    let words = try PictureWords(arguments, data: "cfg/coco.data", command: "detector test")
    return try DetectorTest.run(words, arguments, thresholds: (0.24, 0.5))
  }
}
