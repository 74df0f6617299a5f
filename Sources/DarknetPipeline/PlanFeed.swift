import DarknetData
import DarknetInference
import DarknetKernels
import DarknetNetwork

/// The pictures of a list in the input of a plan, as many as it takes at once.
final class PlanFeed {
  private let plan: InferencePlan
  private let feed: PictureFeed
  private var isDone = false

  /// Starts to decode.
  ///
  /// - Parameter threads: that decode; nil for as many as there are processors.
  init(
    _ plan: InferencePlan, pictures: [String], fit: PictureFit, labels: PictureFeed.Labels?,
    threads: Int?
  ) {
    self.plan = plan
    var options = PictureFeed.Options(
      PicturePreparation(for: plan.network, fit: fit), labels: labels)
    options.threads = threads ?? plan.context.threads
    options.depth = 2 * plan.batch + options.threads
    feed = PictureFeed(pictures, options: options)
  }

  /// The next lines of the list, in order, and those of their pictures that could be read, which
  /// stand in the plan's input in this order; nil after the end.
  func next() -> (items: [PictureFeed.Item], pictures: [PictureFeed.Picture])? {
    guard !isDone else { return nil }
    let count = plan.network.inputShape.count
    var items: [PictureFeed.Item] = []
    var pictures: [PictureFeed.Picture] = []
    while pictures.count < plan.batch {
      guard let item = feed.next() else {
        isDone = true
        break
      }
      if case .success(let picture) = item.picture {
        plan.inputView.image(pictures.count).update(from: picture.input.pointer, count: count)
        pictures.append(picture)
      }
      items.append(item)
    }
    return (items, pictures)
  }
}

extension PicturePreparation {
  /// For the pictures of `network`, whose dialect says whose pixels and orientation are wanted.
  package init(for network: Network, fit: PictureFit) {
    self.init(shape: network.inputShape, fit: fit, dialect: network.dialect)
  }
}
