import DarknetData
import DarknetImages
import DarknetInference
import DarknetLayers
import DarknetNetwork

/// A network whose output is a probability a class.
public struct Classifier {
  public let plan: InferencePlan
  /// The tree of its `[softmax]`, if it has one.
  public let tree: ClassTree?
  /// For each class of the tree whether it counts as a leaf.
  private let leaves: [Bool]

  /// - Parameters:
  ///   - leaves: names of the classes that count as leaves, instead of those that have no children.
  ///   - usesTree: false to leave the network's outputs as they are.
  public init(_ plan: InferencePlan, leaves: Set<String>? = nil, usesTree: Bool = true) {
    self.plan = plan
    let tree = usesTree ? Self.tree(of: plan.network) : nil
    self.tree = tree
    self.leaves = (0..<(tree?.count ?? 0)).map { index in
      leaves?.contains(tree!.names[index]) ?? tree!.isLeaf(index)
    }
  }

  /// The tree of the last layer that has one.
  public static func tree(of network: Network) -> ClassTree? {
    network.nodes.lazy.reversed().compactMap { ($0.layer as? SoftmaxLayer)?.tree }.first
  }

  /// Values of the network's output.
  public var outputCount: Int { plan.network.shape(of: plan.network.outputIndex).count }

  /// Probabilities of one image of the last run: in a tree absolute ones, whose parents hold.
  ///
  /// - Parameter onlyLeaves: in a tree, inner classes are 0.
  public func probabilities(image: Int = 0, onlyLeaves: Bool) -> [Float] {
    let output = plan.output(plan.network.outputIndex).image(image)
    var values = Array(UnsafeBufferPointer(start: output, count: outputCount))
    if let tree {
      values.withUnsafeMutableBufferPointer {
        tree.multiplyAlongPaths($0.baseAddress!, onlyLeaves: false)
      }
      if onlyLeaves {
        for index in leaves.indices where !leaves[index] { values[index] = 0 }
      }
    }
    return values
  }
}

/// Runs a classifier over a list of pictures, in its order: `classifier valid`, `test`, `label`.
public struct ClassifierRun {
  public struct Options: Sendable {
    public var fit: PictureFeed.Fit
    /// In a class tree: whether inner classes count as 0.
    public var onlyLeaves: Bool
    /// Threads that decode; nil for as many as there are processors.
    public var decodingThreads: Int?
    /// Asked before each batch; the run ends when it says true, with the pictures so far.
    public var shouldStop: @Sendable () -> Bool = { false }

    public init(_ fit: PictureFeed.Fit, onlyLeaves: Bool = true) {
      self.fit = fit
      self.onlyLeaves = onlyLeaves
    }
  }

  public struct Picture: Sendable {
    /// Place in the list.
    public let index: Int
    public let path: String
    public let probabilities: [Float]
  }

  public enum Event: Sendable {
    case picture(Picture)
    /// It could not be read, and is in no figure.
    case skipped(ImageError)
  }

  public let classifier: Classifier
  public let pictures: [String]
  public let options: Options

  public init(_ classifier: Classifier, pictures: [String], options: Options) {
    self.classifier = classifier
    self.pictures = pictures
    self.options = options
  }

  /// Calls `body` for every picture, in the order of the list, from this thread.
  public func forEach(_ body: (Event) throws -> Void) rethrows {
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
