import DarknetNetwork
import DarknetTensors

/// Where a training stands, beside the weights: what a resumed run needs to go on as if it had
/// never stopped.
public struct TrainingState: Hashable, Sendable {
  /// Updates made.
  public var iteration = 0
  /// Decides, with the iteration, every random draw of the run.
  public var seed: UInt64
  /// Running average of the loss; nil before the first iteration.
  public var averageLoss: Float?
  /// Largest first loss, against which explosions are measured.
  public var referenceLoss: Float = 0
  /// Mean average precision, 0...1.
  public var bestPrecision: Double?
  public var lastPrecision: Double?
  /// Iteration of the last evaluation, or the one at which the first run started.
  public var lastEvaluation = 0
  /// Iterations at which numbered and `_last` files were written.
  public var lastNumbered = 0
  public var lastSaved = 0
  /// Boxes that heads learned so far, and those that overwrote another one's place.
  public var boxes = 0
  public var rewrittenBoxes = 0

  public init(seed: UInt64) { self.seed = seed }
}

/// The `.state` file beside a weights file: ours alone; other programs do not look at it.
///
///     bytes   content (little-endian)
///     8       "PRNSTATE"
///     4       version, 1
///     4       bytes of the fixed part
///     n       the fixed part: checksum of the parameters that it belongs to, then TrainingState
///     8       floats that follow
///     4 each  momentum or Adam's moments and, if started, the average of the weights
///     8       checksum of all bytes before
///
/// A file that is cut short, of another version, or of other parameters than those loaded is not
/// used, as if it were not there.
enum StateFile {
  private static let magic = Array("PRNSTATE".utf8)
  private static let version: UInt32 = 1
  private static let fixedCount = 100

  /// What identifies the parameters that a state belongs to.
  static func identity(of parameters: Parameters, in network: Network, iteration: Int) -> UInt64 {
    let own = network.nodes.filter { $0.layer.sharesParametersOf == nil }
    return Checksum.of(
      own.lazy.flatMap { parameters.buffers[$0.index] }, seed: UInt64(iteration))
  }

  // MARK: Writing

  /// - Throws: `FileError` if it cannot be written.
  static func write(
    _ state: TrainingState, identity: UInt64, values: [FloatBuffer], adamSteps: Int,
    to path: String
  ) throws(FileError) {
    var sum = Checksum()
    let file = try AtomicFile(path)
    func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
      sum.add(bytes)
      try file.write(bytes)
    }
    var head = Bytes()
    head.bytes += magic
    head.add(version)
    head.add(UInt32(fixedCount))
    head.add(identity)
    head.add(UInt64(state.iteration))
    head.add(state.seed)
    head.add((state.averageLoss ?? .nan).bitPattern)
    head.add(state.referenceLoss.bitPattern)
    head.add((state.bestPrecision ?? .nan).bitPattern)
    head.add((state.lastPrecision ?? .nan).bitPattern)
    for number in [
      state.lastEvaluation, state.lastNumbered, state.lastSaved, state.boxes,
      state.rewrittenBoxes, adamSteps,
    ] {
      head.add(UInt64(number))
    }
    head.add(UInt32(values.count))
    head.add(UInt64(values.reduce(0) { $0 + $1.count }))
    try head.withBytes { (bytes) throws(FileError) in try write(bytes) }
    for buffer in values { try write(UnsafeRawBufferPointer(buffer.values)) }
    var tail = Bytes()
    tail.add(sum.value)
    try tail.withBytes { (bytes) throws(FileError) in try file.write(bytes) }
    try file.commit()
  }

  // MARK: Reading

  /// What a state file of these parameters holds; `fill` has been called for its floats.
  ///
  /// - Parameters:
  ///   - values: the buffers to fill, with which the file must agree in number and size.
  /// - Returns: nil if the file is absent or does not match.
  static func read(
    _ path: String, identity: UInt64, values: [FloatBuffer]
  ) -> (state: TrainingState, adamSteps: Int)? {
    guard let file = try? MappedFile(path) else { return nil }
    let bytes = UnsafeRawBufferPointer(file.bytes)
    let floats = values.reduce(0) { $0 + $1.count }
    let headCount = 16 + fixedCount + 8
    guard bytes.count == headCount + 4 * floats + 8, bytes.prefix(8).elementsEqual(magic) else {
      return nil
    }
    var reader = Reader(bytes: bytes, offset: 8)
    guard reader.uint32() == version, reader.uint32() == UInt32(fixedCount),
      reader.uint64() == identity
    else { return nil }
    guard
      checksum(bytes, headCount: headCount, values)
        == Reader(
          bytes: bytes, offset: bytes.count - 8
        ).peek()
    else { return nil }
    var state = TrainingState(seed: 0)
    state.iteration = reader.int()
    state.seed = reader.uint64()
    state.averageLoss = reader.float()
    state.referenceLoss = reader.float() ?? 0
    state.bestPrecision = reader.double()
    state.lastPrecision = reader.double()
    state.lastEvaluation = reader.int()
    state.lastNumbered = reader.int()
    state.lastSaved = reader.int()
    state.boxes = reader.int()
    state.rewrittenBoxes = reader.int()
    let adamSteps = reader.int()
    guard reader.uint32() == UInt32(values.count), reader.int() == floats else { return nil }
    var offset = headCount
    for buffer in values {
      UnsafeMutableRawBufferPointer(buffer.values).copyMemory(
        from: UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + 4 * buffer.count]))
      offset += 4 * buffer.count
    }
    return (state, adamSteps)
  }

  /// The sum of the file's pieces, cut as `write` cut them.
  private static func checksum(
    _ bytes: UnsafeRawBufferPointer, headCount: Int, _ values: [FloatBuffer]
  ) -> UInt64 {
    var sum = Checksum()
    sum.add(UnsafeRawBufferPointer(rebasing: bytes[..<headCount]))
    var offset = headCount
    for buffer in values {
      sum.add(UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + 4 * buffer.count]))
      offset += 4 * buffer.count
    }
    return sum.value
  }

  private struct Bytes {
    var bytes: [UInt8] = []

    mutating func add(_ value: some FixedWidthInteger) {
      withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    func withBytes(_ body: (UnsafeRawBufferPointer) throws(FileError) -> Void) throws(FileError) {
      try bytes.withUnsafeBufferPointer { (buffer) throws(FileError) in
        try body(UnsafeRawBufferPointer(buffer))
      }
    }
  }

  private struct Reader {
    let bytes: UnsafeRawBufferPointer
    var offset: Int

    mutating func uint32() -> UInt32 {
      defer { offset += 4 }
      return UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    func peek() -> UInt64 {
      UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    mutating func uint64() -> UInt64 {
      defer { offset += 8 }
      return peek()
    }

    mutating func int() -> Int { Int(truncatingIfNeeded: uint64()) }

    mutating func float() -> Float? {
      let value = Float(bitPattern: uint32())
      return value.isNaN ? nil : value
    }

    mutating func double() -> Double? {
      let value = Double(bitPattern: uint64())
      return value.isNaN ? nil : value
    }
  }
}
