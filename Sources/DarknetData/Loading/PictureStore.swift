import DarknetConfig
import DarknetImages
import DarknetSystem

/// The pictures of a list: decodes them, keeps decoded ones within a budget, and knows which
/// cannot be read.
final class PictureStore: Sendable {
  private struct State {
    var cache: [Int: Bitmap] = [:]
    var freeBytes: Int
    var unreadable: Set<Int> = []
    /// Pictures whose label file was there before.
    var labelled: Set<Int> = []
  }

  let list: ListFile
  private let channels: Int
  private let limits: ImageFile.Limits
  private let state: Locked<State>

  init(_ list: ListFile, channels: Int, cacheBytes: Int, limits: ImageFile.Limits) {
    self.list = list
    self.channels = channels
    self.limits = limits
    state = Locked(State(freeBytes: cacheBytes))
  }

  /// A picture: at `index`, or if that cannot be read another one, drawn at random a few times,
  /// then the next in the list that can be read. nil if none can.
  func picture(
    at index: Int, random: () -> Int, report: (DataProblem) -> Void
  ) -> (index: Int, bitmap: Bitmap)? {
    var index = index
    for _ in 0..<16 {
      if let bitmap = bitmap(at: index, report: report) { return (index, bitmap) }
      index = random()
    }
    for step in 0..<list.count {
      let next = (index + step) % list.count
      if let bitmap = bitmap(at: next, report: report) { return (next, bitmap) }
    }
    return nil
  }

  private func bitmap(at index: Int, report: (DataProblem) -> Void) -> Bitmap? {
    let (cached, isUnreadable) = state.withLock {
      ($0.cache[index], $0.unreadable.contains(index))
    }
    if cached != nil || isUnreadable { return cached }
    do throws(ImageError) {
      let bitmap = try ImageFile.loadBitmap(
        list.pictures[index], channels: channels, limits: limits)
      state.withLock { state in
        guard state.freeBytes >= bitmap.count, state.cache[index] == nil else { return }
        state.freeBytes -= bitmap.count
        state.cache[index] = bitmap
      }
      return bitmap
    } catch {
      // Without open files to spare all pictures look alike.
      if !error.isTransient { state.withLock { _ = $0.unreadable.insert(index) } }
      report(DataProblem(list.pictures[index], .unreadablePicture(error.problem)))
      return nil
    }
  }

  /// The labels of a picture. A file that was there before and is gone makes them unusable, as
  /// nobody can have meant that the picture shows nothing from now on.
  func labels(at index: Int, classes: Int, dialect: Dialect) -> LabelFile {
    let picture = list.pictures[index]
    var labels = LabelFile(ofPicture: picture, classes: classes, dialect: dialect)
    let wasThere = state.withLock { state in
      let wasThere = state.labelled.contains(index)
      if labels.isFound, !wasThere { state.labelled.insert(index) }
      return wasThere
    }
    if wasThere, !labels.isFound { labels.vanish(ofPicture: picture) }
    return labels
  }
}
