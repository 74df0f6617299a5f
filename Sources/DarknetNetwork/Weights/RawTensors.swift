import DarknetSystem

/// Files of raw little-endian float32 values.
package enum RawTensors {
  package static func read(_ path: String) throws -> [Float] {
    let bytes = try FileBytes.read(path)
    guard bytes.count % 4 == 0 else {
      throw WeightsError(
        file: path, byte: bytes.count / 4 * 4, expected: "whole float32 values",
        found: "\(bytes.count % 4) bytes at the end", fix: "check the file")
    }
    return bytes.withUnsafeBytes { bytes in
      (0..<bytes.count / 4).map {
        let bits = bytes.loadUnaligned(fromByteOffset: $0 * 4, as: UInt32.self)
        return Float(bitPattern: UInt32(littleEndian: bits))
      }
    }
  }

  package static func write(_ values: UnsafeBufferPointer<Float>, to path: String) throws {
    let file = try AtomicFile(path, durable: false)
    try file.write(UnsafeRawBufferPointer(values))
    try file.commit()
  }

  package static func write(_ values: [Float], to path: String) throws {
    try values.withUnsafeBufferPointer { try write($0, to: path) }
  }
}
