import DarknetNetwork
import DarknetSystem
import DarknetTensors
import DarknetText

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The `.state` file beside a weights file: ours alone; other programs do not look at it.
///
///     bytes   content (little-endian)
///     8       "PRNSTATE"
///     4       version, 2
///     4       bytes of the fixed part
///     n       the fixed part: checksum of the parameters that it belongs to, then TrainingState,
///             Adam's steps, the number of arrays, and 1 if momentum is among them (0 in some
///             files of earlier versions)
///     8       floats that follow
///     8       checksum of all bytes before
///     4 each  momentum or Adam's moments and, if started, the average of the weights
///     8       checksum of the floats
///
/// The first checksum tells a damaged file from one of other weights; the floats are looked at
/// only if the weights are the right ones.
struct StateFile {
  private static let magic = Array("PRNSTATE".utf8)
  private static let version: UInt32 = 2
  private static let fixedCount = 112
  private static let headCount = 16 + fixedCount + 16

  /// What identifies the parameters that a state belongs to.
  static func identity(of parameters: Parameters, in network: Network, iteration: Int) -> UInt64 {
    let own = network.nodes.filter { $0.layer.sharesParametersOf == nil }
    return Checksum.of(
      own.lazy.flatMap { parameters.buffers[$0.index] }, seed: UInt64(iteration))
  }

  // MARK: Writing

  /// A state on the device; `commit` of the result gives it its name.
  ///
  /// - Parameters:
  ///   - identity: of the parameters that it belongs to.
  ///   - values: momentum, if `hasMomentum`, and averages.
  /// - Throws: `FileError` if it cannot be written.
  static func prepare(
    _ state: TrainingState, identity: UInt64, values: [FloatBuffer], hasMomentum: Bool,
    adamSteps: Int, at path: String
  ) throws(FileError) -> AtomicFile {
    let file = try AtomicFile(path)
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
      state.rewrittenBoxes, state.bestIteration, adamSteps,
    ] {
      head.add(UInt64(number))
    }
    head.add(UInt32(values.count))
    head.add(UInt32(hasMomentum ? 1 : 0))
    head.add(UInt64(values.reduce(0) { $0 + $1.count }))
    head.add(head.bytes.withUnsafeBytes { Self.sum([$0]) })
    try head.withBytes { (bytes) throws(FileError) in try file.write(bytes) }
    for buffer in values { try file.write(UnsafeRawBufferPointer(buffer.values)) }
    var tail = Bytes()
    tail.add(sum(values.lazy.map { UnsafeRawBufferPointer($0.values) }))
    try tail.withBytes { (bytes) throws(FileError) in try file.write(bytes) }
    try file.flush()
    return file
  }

  private static func sum(_ pieces: some Sequence<UnsafeRawBufferPointer>) -> UInt64 {
    var sum = Checksum()
    for piece in pieces { sum.add(piece) }
    return sum.value
  }

  // MARK: Reading

  let path: String
  /// Of the parameters that it belongs to.
  let identity: UInt64
  let state: TrainingState
  let adamSteps: Int
  let hasMomentum: Bool
  private let arrays: Int
  private let floats: Int
  private let file: MappedFile

  /// Reads everything but the floats.
  ///
  /// - Throws: `StateFault` if there is no such file, it cannot be read or is damaged.
  init(_ path: String) throws(StateFault) {
    self.path = path
    do throws(FileError) {
      file = try MappedFile(path)
    } catch {
      throw error.code == ENOENT ? .missing(path) : .unreadable(error)
    }
    let bytes = UnsafeRawBufferPointer(file.bytes)
    func damage(_ byte: Int, _ expected: String, _ found: String) -> StateFault {
      .damaged(
        WeightsError(
          file: path, byte: byte, expected: expected, found: found, fix: "the file is damaged"))
    }
    guard bytes.count >= Self.headCount else {
      throw damage(bytes.count, "a state of at least \(Self.headCount) bytes", "the file's end")
    }
    guard bytes.prefix(8).elementsEqual(Self.magic) else {
      throw damage(0, "the word PRNSTATE", "other bytes")
    }
    var reader = Reader(bytes: bytes, offset: 8)
    let (version, fixed) = (reader.uint32(), reader.uint32())
    guard version == Self.version, fixed == UInt32(Self.fixedCount) else {
      throw .damaged(
        WeightsError(
          file: path, byte: 8, expected: "version \(Self.version) with \(Self.fixedCount) bytes",
          found: "\(version) with \(fixed)",
          fix: "the file is damaged or another version of this program wrote it"))
    }
    let sum = Self.sum([UnsafeRawBufferPointer(rebasing: bytes[..<(Self.headCount - 8)])])
    let stored = Reader(bytes: bytes, offset: Self.headCount - 8).peek()
    guard sum == stored else {
      throw damage(Self.headCount - 8, Self.text(ofSum: sum), Self.hexadecimal(stored))
    }
    identity = reader.uint64()
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
    state.bestIteration = reader.int()
    self.state = state
    adamSteps = reader.int()
    arrays = Int(reader.uint32())
    hasMomentum = reader.uint32() != 0
    floats = reader.int()
    let counters = [
      state.iteration, state.lastEvaluation, state.lastNumbered, state.lastSaved, state.boxes,
      state.rewrittenBoxes, state.bestIteration, adamSteps, floats,
    ]
    // What this program writes; more would leave the range of numbers that are computed from it.
    guard let most = counters.max(), counters.allSatisfy({ $0 >= 0 }), most < 1 << 53 else {
      throw damage(16, "counts of 0...2^53", "others")
    }
    // The sum holds, so the number is the one that was written.
    let count = Self.headCount + 4 * floats + 8
    guard bytes.count == count else {
      throw damage(min(bytes.count, count), "\(count) bytes", "\(bytes.count)")
    }
  }

  /// Fills `values` from the file; all or none of them.
  ///
  /// - Returns: false if the file has arrays of other sizes.
  /// - Throws: `StateFault` if the floats are damaged.
  func fill(_ values: [FloatBuffer]) throws(StateFault) -> Bool {
    guard values.count == arrays, values.reduce(0, { $0 + $1.count }) == floats else {
      return false
    }
    let bytes = UnsafeRawBufferPointer(file.bytes)
    var pieces: [UnsafeRawBufferPointer] = []
    var offset = Self.headCount
    for buffer in values {
      pieces.append(UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + 4 * buffer.count]))
      offset += 4 * buffer.count
    }
    let sum = Self.sum(pieces)
    let stored = Reader(bytes: bytes, offset: offset).peek()
    guard sum == stored else {
      throw .damaged(
        WeightsError(
          file: path, byte: offset, expected: Self.text(ofSum: sum),
          found: Self.hexadecimal(stored), fix: "the file is damaged"))
    }
    for (buffer, piece) in zip(values, pieces) {
      UnsafeMutableRawBufferPointer(buffer.values).copyMemory(from: piece)
    }
    return true
  }

  private static func text(ofSum sum: UInt64) -> String {
    "\(hexadecimal(sum)), the checksum of the bytes before"
  }

  private static func hexadecimal(_ number: UInt64) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
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
