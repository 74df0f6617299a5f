import DarknetLayers
import DarknetText

/// Why a weights file may not fit a network, and how much of it can be used.
///
/// The usual cause is another number of classes: all layers are equal but those in front of the
/// heads, whose filters depend on it.
struct WeightsDiagnosis {
  let network: Network
  let layout: WeightsLayout
  /// Bytes of the file.
  let fileCount: Int
  /// The first layer whose numbers cannot be its own; nil if there is none.
  let firstMisfit: Int?

  /// Cuts below this many layers are not worth having.
  private static let fewLayers = 3

  /// A convolution whose output a head reads.
  private struct HeadConvolution {
    var layer: Int
    var head: any DetectionHead
    /// Floats in the file for each of its filters.
    var floatsPerFilter: Int
    /// Filters = boxes (classes + entries of a box).
    var boxes: Int
  }

  private var headConvolutions: [HeadConvolution] {
    network.nodes.compactMap { node in
      guard let head = node.layer as? any DetectionHead, let source = node.layer.sources.first,
        network.nodes.indices.contains(source),
        network.nodes[source].layer.convolution != nil
      else { return nil }
      let filters = network.shape(of: source).channels
      let floats = layout.entries.filter { $0.layer == source }.reduce(0) { $0 + $1.count }
      guard let boxes = head.boxesPerCell, floats > 0, floats % filters == 0 else { return nil }
      return HeadConvolution(
        layer: source, head: head, floatsPerFilter: floats / filters, boxes: boxes)
    }
  }

  /// The number of classes with which the file would have just this size; nil if there is none.
  ///
  /// Each class more adds the same number of bytes to the file.
  var classesOfFile: Int? {
    let heads = headConvolutions
    guard let classes = heads.first?.head.classes, heads.allSatisfy({ $0.head.classes == classes })
    else { return nil }
    let step = 4 * heads.reduce(0) { $0 + $1.boxes * $1.floatsPerFilter }
    let missing = fileCount - layout.end
    guard step > 0, missing != 0, missing % step == 0, classes + missing / step > 0 else {
      return nil
    }
    return classes + missing / step
  }

  /// Layers that can be taken from the file: all that fit, but none that a head reads.
  private var usableLayers: Int? {
    let fitting = layout.entries.last { entry in
      entry.end <= fileCount && entry.layer < firstMisfit ?? .max
        // The layer as a whole is there.
        && layout.entries.last { $0.layer == entry.layer }!.end <= fileCount
    }
    guard let fitting else { return nil }
    return min(fitting.layer + 1, headConvolutions.map(\.layer).min() ?? .max)
  }

  /// Clauses to add to an error, each after a semicolon.
  func advice(_ path: String) -> String {
    var text = ""
    let heads = headConvolutions
    if let classes = classesOfFile, let first = heads.first,
      firstMisfit.map({ $0 >= heads.map(\.layer).min()! }) ?? true
    {
      text +=
        "; the file has \(counted(classes, "class", "classes")), the cfg "
        + "\(first.head.classes)"
    }
    guard let cut = usableLayers, cut >= Self.fewLayers else { return text }
    var name = path
    while let last = name.utf8.last, (48...57).contains(last) { name.removeLast() }
    name = name.hasSuffix("conv.") ? "\(name)\(cut)" : "\(path).conv.\(cut)"
    return text
      + "; the file may fit it up to layer \(cut - 1): to start a training from these layers, cut "
      + "it with 'prn-darknet partial \(network.file) \(path) \(name) \(cut)'; -force takes the "
      + "file as it is"
  }
}
