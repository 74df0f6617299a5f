import DarknetConfig
import DarknetLayers
import DarknetTensors

/// Reads and writes Darknet's binary weights.
///
/// Layout (`docs/weights-format.md`): a header, then for each layer in cfg order its parameters as
/// little-endian float32, without names, padding or checksums.
public struct WeightsFile {
  public let header: WeightsHeader
  /// Whose order of parameters the file follows.
  public let order: Dialect
  private let map: MappedFile

  /// Maps the file and reads its header.
  ///
  /// - Parameter order: nil to tell it from the header: revision 0 of version 0.2 is how
  ///   pjreddie's program writes, any other AlexeyAB's.
  /// - Throws: `FileError` if it cannot be opened, `WeightsError` if it has no whole header.
  public init(_ path: String, dialect: Dialect = .alexeyab, order: Dialect? = nil) throws {
    map = try MappedFile(path)
    guard let header = WeightsHeader(UnsafeRawBufferPointer(map.bytes), dialect: dialect) else {
      throw WeightsError(
        file: path, byte: 0, expected: "a header of 16 or 20 bytes",
        found: "\(map.bytes.count) bytes", fix: "the file is empty or cut short; get it again")
    }
    self.header = header
    let isOriginal = header.major == 0 && header.minor == 2 && header.revision == 0
    self.order = order ?? (dialect == .pjreddie || isOriginal ? .pjreddie : .alexeyab)
  }

  public var path: String { map.path }
  /// Bytes of the whole file.
  public var count: Int { map.bytes.count }

  /// What `load` did.
  public struct LoadReport: Hashable, Sendable {
    public var header: WeightsHeader
    /// Layers before the one at which the file ended, as Darknet counts them.
    public var layersLoaded: Int
    /// Layers with parameters of their own that the file does not reach.
    public var freshLayers: [Int]
  }

  /// The layout that `network` expects of this file.
  public func layout(for network: Network, cutoff: Int = .max) -> WeightsLayout {
    WeightsLayout(
      of: network, headerCount: header.count, order: order, cutoff: cutoff, isReading: true)
  }

  /// Fills `parameters` with the file's values.
  ///
  /// Parameters become views of the mapped file where its bytes stand as they are needed, so a
  /// file of any size loads at once.
  ///
  /// - Parameters:
  ///   - cutoff: only layers before this index are read.
  ///   - force: takes what fits of a file that ends inside a layer or has bytes left over.
  ///     Also takes numbers that cannot be this network's, as variances below zero.
  /// - Throws: `WeightsError` for such a file without `force`, and for one that another program
  ///   writes to meanwhile.
  public func load(
    into parameters: Parameters, of network: Network, cutoff: Int = .max, force: Bool = false
  ) throws(WeightsError) -> LoadReport {
    let layout = layout(for: network, cutoff: cutoff)
    if !force {
      try check(layout, network, cutoff: cutoff)
      try checkValues(layout, network)
      releasePages()
    }
    var reached = min(cutoff, network.nodes.count)
    for entry in layout.entries {
      let available = min(max(count - entry.offset, 0) / 4, entry.count)
      if available > 0 {
        fill(entry, available, parameters, network)
      }
      if available < entry.count { reached = min(reached, entry.layer) }
    }
    guard !map.hasChanged else {
      throw WeightsError(
        file: path, byte: 0, expected: "a file that keeps its bytes while it is read",
        found: "that another program wrote to it", fix: "wait until it is done, then try again")
    }
    let fresh = Set(layout.entries.filter { $0.end > count }.map(\.layer)).sorted()
    return LoadReport(header: header, layersLoaded: reached, freshLayers: fresh)
  }

  /// Gives back the memory of the pages that were read so far.
  public func releasePages() { map.releasePages() }

  private func fill(
    _ entry: WeightsLayout.Entry, _ available: Int, _ parameters: Parameters, _ network: Network
  ) {
    let parameter = network.nodes[entry.layer].layer.parameters[entry.parameter]
    let matrix =
      header.isTransposed ? parameter.transposable ?? parameter.flipped : parameter.flipped
    let source = floats(of: entry, count: available)
    // Whole arrays that stand as they are needed stay in the mapped file.
    if available == parameter.count, matrix == nil {
      parameters.replace(entry.layer, entry.parameter, by: source, in: network)
      return
    }
    let buffer = parameters.buffers[entry.layer][entry.parameter]
    withExtendedLifetime(source) {
      buffer.pointer.update(from: source.pointer, count: available)
    }
    if let matrix, available == parameter.count {
      // The file has the transpose: columns x rows.
      let stored = buffer.array
      for row in 0..<matrix.rows {
        for column in 0..<matrix.columns {
          buffer.pointer[row * matrix.columns + column] = stored[column * matrix.rows + row]
        }
      }
    }
  }

  /// - Throws: if the file ends inside a layer, or goes on behind the last one.
  private func check(
    _ layout: WeightsLayout, _ network: Network, cutoff: Int
  ) throws(WeightsError) {
    if count < layout.end {
      if layout.boundary(at: count) != nil { return }
      let entry = layout.entry(at: count) ?? layout.entries[0]
      let node = network.nodes[entry.layer]
      let name = node.layer.parameters[entry.parameter].name
      throw WeightsError(
        file: path, byte: entry.offset, place: "layer \(entry.layer) [\(node.name)] \(name)",
        expected: "\(entry.count) floats", found: "\((count - entry.offset) / 4)",
        fix: "the file is cut short or belongs to another cfg than \(network.file)"
          + cutAdvice(layout, network))
    }
    if count > layout.end, cutoff >= network.nodes.count {
      throw WeightsError(
        file: path, byte: layout.end, place: "behind the last layer",
        expected: "the file's end", found: "\(count - layout.end) bytes more",
        fix: "the file belongs to another cfg than \(network.file)" + cutAdvice(layout, network))
    }
  }

  /// - Throws: if the numbers of a layer cannot be what they are taken for.
  private func checkValues(
    _ layout: WeightsLayout, _ network: Network
  ) throws(WeightsError) {
    guard let misfit = misfit(layout, network) else { return }
    let entry = misfit.entry
    let node = network.nodes[entry.layer]
    throw WeightsError(
      file: path, byte: entry.offset,
      place: "layer \(entry.layer) [\(node.name)] \(node.layer.parameters[entry.parameter].name)",
      expected: misfit.expected, found: misfit.found,
      fix: misfit.isDamage
        ? "the file is damaged, or its training diverged; take an earlier one (-force loads it)"
        : "the file belongs to another cfg than \(network.file)" + cutAdvice(layout, network))
  }

  private func misfit(
    _ layout: WeightsLayout, _ network: Network
  ) -> WeightsPlausibility.Misfit? {
    WeightsPlausibility.firstMisfit(of: layout, network, fileCount: count) {
      floats(of: $0, count: $0.count)
    }
  }

  /// The first floats of an entry, which the file must hold: a view of it where its order of bytes
  /// is the machine's.
  private func floats(of entry: WeightsLayout.Entry, count: Int) -> FloatBuffer {
    let start = UnsafeMutableRawPointer(map.bytes.baseAddress! + entry.offset)
      .assumingMemoryBound(to: Float.self)
    return FloatBuffer(borrowing: start, count: count, from: map).inFileOrder
  }

  /// How far a file fits that does not fit as a whole, and how to cut it there.
  private func cutAdvice(_ layout: WeightsLayout, _ network: Network) -> String {
    let misfit = misfit(layout, network)
    let fitting = layout.entries.last { entry in
      entry.end <= count && entry.layer < misfit?.entry.layer ?? .max
        // The layer as a whole is there.
        && layout.entries.last { $0.layer == entry.layer }!.end <= count
    }
    guard let cut = fitting.map({ $0.layer + 1 }) else { return "" }
    var name = path
    while let last = name.utf8.last, (48...57).contains(last) { name.removeLast() }
    name = name.hasSuffix("conv.") ? "\(name)\(cut)" : "\(path).conv.\(cut)"
    return
      "; the file fits it up to layer \(cut - 1) at most: cut it there with 'prn-darknet partial "
      + "\(network.file) \(path) \(name) \(cut)', or take it as it is with -force"
  }

  // MARK: Writing

  /// Writes the parameters of all layers before `cutoff`, beside the old file and then in its
  /// place.
  ///
  /// - Throws: `FileError` if the file cannot be written (disk full, no permission).
  public static func write(
    _ parameters: Parameters, of network: Network, to path: String, seen: UInt64,
    cutoff: Int = .max
  ) throws(FileError) {
    try prepare(parameters, of: network, to: path, seen: seen, cutoff: cutoff).commit()
  }

  /// The same, but for the last step: the bytes are on the device, and `commit` of the result puts
  /// them into place.
  public static func prepare(
    _ parameters: Parameters, of network: Network, to path: String, seen: UInt64,
    cutoff: Int = .max
  ) throws(FileError) -> AtomicFile {
    let header = WeightsHeader(seen: seen, dialect: network.dialect)
    let layout = WeightsLayout(
      of: network, headerCount: header.count, order: network.dialect, cutoff: cutoff,
      isReading: false)
    let file = try AtomicFile(path)
    try header.bytes.withUnsafeBufferPointer { (bytes) throws(FileError) in
      try file.write(UnsafeRawBufferPointer(bytes))
    }
    for entry in layout.entries {
      let parameter = network.nodes[entry.layer].layer.parameters[entry.parameter]
      let buffer = parameters.buffers[entry.layer][entry.parameter]
      let stored = (parameter.flipped.map { transposed(buffer, $0) } ?? buffer).inFileOrder
      defer { withExtendedLifetime(stored) {} }
      try file.write(UnsafeRawBufferPointer(stored.values))
    }
    try file.flush()
    return file
  }

  /// `flipped=1` keeps its weights transposed in files.
  private static func transposed(_ buffer: FloatBuffer, _ matrix: Parameter.Matrix) -> FloatBuffer {
    let result = FloatBuffer(count: buffer.count)
    for row in 0..<matrix.rows {
      for column in 0..<matrix.columns {
        result.pointer[column * matrix.rows + row] = buffer.pointer[row * matrix.columns + column]
      }
    }
    return result
  }
}
