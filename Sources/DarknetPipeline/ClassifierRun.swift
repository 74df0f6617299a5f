import DarknetData
import DarknetImages

/// Runs a classifier over a list of pictures, in its order: `classifier valid`, `test`, `label`.
package struct ClassifierRun {
  /// How the pictures are looked at.
  package struct Options: Sendable {
    /// How they become the network's input.
    package var fit: PictureFit
    /// In a class tree: whether inner classes count as 0.
    package var onlyLeaves: Bool
    /// Threads that decode; nil for as many as there are processors.
    package var decodingThreads: Int?
    /// Asked before each batch; the run ends when it says true, with the pictures so far.
    package var shouldStop: @Sendable () -> Bool = { false }

    /// All processors decode, nothing stops the run.
    package init(_ fit: PictureFit, onlyLeaves: Bool = true) {
      self.fit = fit
      self.onlyLeaves = onlyLeaves
    }
  }

  /// A picture and what the network makes of it.
  package struct Picture: Sendable {
    /// Place in the list.
    package let index: Int
    /// As the list has it.
    package let path: String
    /// One a class, in the order of the network's outputs.
    package let probabilities: [Float]
  }

  /// What happens on the way.
  package enum Event: Sendable {
    /// The next picture of the list.
    case picture(Picture)
    /// It could not be read, and is in no figure.
    case skipped(ImageError)
  }

  /// The network, and how its output is read.
  package let classifier: ClassDecoder
  /// Paths, in the order in which they are looked at.
  package let pictures: [String]
  /// How they are looked at.
  package let options: Options

  /// Nothing is read before `forEach`.
  package init(_ classifier: ClassDecoder, pictures: [String], options: Options) {
    self.classifier = classifier
    self.pictures = pictures
    self.options = options
  }

  /// Calls `body` for every picture, in the order of the list, from this thread.
  package func forEach(_ body: (Event) throws -> Void) rethrows {
    let feed = PlanFeed(
      classifier.plan, pictures: pictures, fit: options.fit, labels: nil,
      threads: options.decodingThreads)
    while !options.shouldStop(), let (items, batch) = feed.next() {
      if !batch.isEmpty { classifier.plan.run() }
      var next = 0
      for item in items {
        if case .failure(let error) = item.picture {
          try body(.skipped(error))
          continue
        }
        let values = classifier.probabilities(image: next, onlyLeaves: options.onlyLeaves)
        next += 1
        try body(
          .picture(Picture(index: item.index, path: item.path, probabilities: values)))
      }
    }
  }
}
