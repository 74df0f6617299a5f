import DarknetConfig
import DarknetKernels
import DarknetLayers
import DarknetSystem
import DarknetTensors
import DarknetText

/// Reads and writes Darknet's binary weights.
///
/// Layout (`docs/weights-format.md`): a header, then for each layer in cfg order its parameters as
/// little-endian float32, without names, padding or checksums.
package struct WeightsFile {
  /// As its version says; `header(for:)` is what a network's layers show it to be.
  package let header: WeightsHeader
  /// Whose order of parameters the file follows.
  package let order: Dialect
  private let map: MappedFile
  private let dialect: Dialect

  /// Maps the file and reads its header.
  ///
  /// - Parameter order: nil to tell it from the header: revision 0 of version 0.2 is how
  ///   pjreddie's program writes, any other AlexeyAB's.
  /// - Throws: `FileError` if it cannot be opened, `WeightsError` if it has no whole header or is
  ///   something else: a picture, an archive, a text.
  package init(_ path: String, dialect: Dialect = .alexeyab, order: Dialect? = nil) throws {
    map = try MappedFile(path)
    self.dialect = dialect
    let bytes = UnsafeRawBufferPointer(map.bytes)
    if let kind = FileKind.identify(bytes) {
      throw WeightsError(
        file: path, byte: 0, expected: "Darknet's weights", found: kind.name,
        fix: kind.advice(wanted: "weights")
          ?? "name the weights here, which come before any picture")
    }
    guard let header = WeightsHeader(bytes, dialect: dialect) else {
      throw WeightsError(
        file: path, byte: 0, expected: "a header of 16 or 20 bytes",
        found: "\(map.bytes.count) bytes", fix: "the file is empty or cut short; get it again")
    }
    self.header = header
    let isOriginal = header.major == 0 && header.minor == 2 && header.revision == 0
    self.order = order ?? (dialect == .pjreddie || isOriginal ? .pjreddie : .alexeyab)
  }

  package var path: String { map.path }
  /// Bytes of the whole file.
  package var count: Int { map.bytes.count }

  /// What `load` did.
  package struct LoadReport: Hashable, Sendable {
    package var header: WeightsHeader
    /// Layers before the one at which the file ended, as Darknet counts them.
    package var layersLoaded: Int
    /// Layers with parameters of their own that the file does not reach.
    package var freshLayers: [Int]
    /// What people should know about how the file was read.
    package var notes: [String] = []
  }

  /// The layout that `network` expects of this file.
  package func layout(for network: Network, cutoff: Int = .max) -> WeightsLayout {
    layout(for: network, header(for: network), cutoff: cutoff)
  }

  private func layout(
    for network: Network, _ header: WeightsHeader, cutoff: Int = .max
  ) -> WeightsLayout {
    WeightsLayout(
      of: network, headerCount: header.count, order: order, cutoff: cutoff, isReading: true)
  }

  /// The header, with 8 bytes of images seen instead of 4 if the layers of `network` fill the file
  /// exactly then and do not otherwise.
  package func header(for network: Network) -> WeightsHeader {
    guard !header.hasWideSeen, layout(for: network, header).boundary(at: count) == nil,
      let wide = WeightsHeader(
        UnsafeRawBufferPointer(map.bytes), dialect: dialect, isWide: true),
      // Nobody has seen 2^40 images; a parameter in the place of the upper half is such a number.
      wide.seen < 1 << 40, layout(for: network, wide).boundary(at: count) != nil
    else { return header }
    return wide
  }

  /// Fills `parameters` with the file's values.
  ///
  /// Parameters become views of the mapped file where its bytes have the needed layout, so a
  /// file of any size loads at once.
  ///
  /// - Parameters:
  ///   - cutoff: only layers before this index are read.
  ///   - force: takes what fits of a file that ends inside a layer or has bytes left over.
  ///     Also takes numbers that cannot be this network's, as variances below zero.
  /// - Throws: `WeightsError` for such a file without `force`, and for one that another program
  ///   writes to meanwhile.
  package func load(
    into parameters: Parameters, of network: Network, cutoff: Int = .max, force: Bool = false
  ) throws(WeightsError) -> LoadReport {
    let header = header(for: network)
    let layout = layout(for: network, header, cutoff: cutoff)
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
    var report = LoadReport(header: header, layersLoaded: reached, freshLayers: fresh)
    if header.hasWideSeen != self.header.hasWideSeen {
      report.notes.append(
        "\(path): version \(header.major).\(header.minor), but 8 bytes of images seen, as "
          + "PyTorch-YOLOv3 writes them: read with a header of 20 bytes")
    }
    return report
  }

  /// Gives back the memory of the pages that were read so far.
  package func releasePages() { map.releasePages() }

  private func fill(
    _ entry: WeightsLayout.Entry, _ available: Int, _ parameters: Parameters, _ network: Network
  ) {
    let parameter = network.nodes[entry.layer].layer.parameters[entry.parameter]
    let matrix =
      header.isTransposed ? parameter.transposable ?? parameter.flipped : parameter.flipped
    let source = floats(of: entry, count: available)
    // Whole arrays that have the needed layout stay in the mapped file.
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

  /// - Throws: if the file ends inside a layer, or continues after the last one.
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
        file: path, byte: layout.end, place: "after the last layer",
        expected: "the file's end",
        found: "\(counted(count - layout.end, "more byte", "more bytes"))",
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

  /// What else may be the matter with a file that does not fit, and how to make use of it.
  private func cutAdvice(_ layout: WeightsLayout, _ network: Network) -> String {
    let misfit = misfit(layout, network)
    let diagnosis = WeightsDiagnosis(
      network: network, layout: layout, fileCount: count, firstMisfit: misfit?.entry.layer)
    return diagnosis.advice(path)
  }

  // MARK: Writing

  /// Writes the parameters of all layers before `cutoff`, beside the old file and then in its
  /// place.
  ///
  /// - Throws: `FileError` if the file cannot be written (disk full, no permission).
  package static func write(
    _ parameters: Parameters, of network: Network, to path: String, seen: UInt64,
    cutoff: Int = .max
  ) throws(FileError) {
    try prepare(parameters, of: network, to: path, seen: seen, cutoff: cutoff).commit()
  }

  /// The same, but for the last step: the bytes are on the device, and `commit` of the result puts
  /// them into place.
  package static func prepare(
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
