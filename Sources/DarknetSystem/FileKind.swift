/// What the first bytes of a file say that it is, whatever its name.
///
/// One table for all readers: pictures, weights, cfgs and lists that were mixed up are named alike.
package enum FileKind: Hashable, Sendable {
  /// Something that is known by its first bytes, in words with their article: "a JPEG picture".
  case known(String)
  /// Characters only.
  case text(String)

  package var name: String {
    switch self {
    case .known(let name), .text(let name): name
    }
  }

  /// What people can do who named the file where `wanted` (a plural, "weights") are expected;
  /// nil if there is nothing to say beyond naming the right file.
  package func advice(wanted: String) -> String? {
    switch name {
    case Self.pointer: "get the file itself with 'git lfs pull'"
    case Self.webPage: "download it again; open the address in a browser to see why"
    case Self.gzip: "unpack it with gunzip"
    case Self.zipArchive, Self.pickle: "convert them: PyTorch's \(wanted) have another format"
    case Self.onnx: "convert them: ONNX's \(wanted) have another format"
    case Self.hdf5: "convert them: Keras's \(wanted) have another format"
    default: nil
    }
  }

  private static let pointer = "a Git LFS pointer"
  private static let webPage = "a web page or XML"
  private static let gzip = "a gzip archive"
  private static let zipArchive = "a ZIP archive, as PyTorch's .pt and .pth are"
  private static let pickle = "a PyTorch or pickle file"
  private static let onnx = "an ONNX model"
  private static let hdf5 = "an HDF5 file, as Keras writes"

  /// - Returns: nil for bytes that are neither known nor text; those may be weights.
  package static func identify(_ bytes: UnsafeRawBufferPointer) -> FileKind? {
    let start = Start(bytes: bytes)
    return start.picture ?? start.video ?? start.document ?? start.archive ?? start.model
      ?? start.text
  }

  /// The first bytes of a file, asked for marks.
  private struct Start {
    let bytes: UnsafeRawBufferPointer

    func begins(_ mark: String, at offset: Int = 0) -> Bool {
      mark.utf8.count <= bytes.count - offset
        && zip(mark.utf8, bytes[offset...]).allSatisfy { $0 == $1 }
    }
    func begins(_ mark: [UInt8]) -> Bool { bytes.starts(with: mark) }

    var picture: FileKind? {
      if begins([0xFF, 0xD8, 0xFF]) { return .known("a JPEG picture") }
      if begins([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
        return .known("a PNG picture")
      }
      // A text may begin with "BM"; the header size that follows never has high bytes.
      if begins("BM"), bytes.count >= 18, bytes[15] == 0, bytes[16] == 0, bytes[17] == 0 {
        return .known("a BMP picture")
      }
      if begins("P5") || begins("P6"), bytes.count > 2, isBlank(bytes[2]) || bytes[2] == 0x23 {
        return .known("a PPM picture")
      }
      if begins("GIF8") { return .known("a GIF picture") }
      if begins("RIFF"), begins("WEBP", at: 8) { return .known("a WebP picture") }
      if begins([0x49, 0x49, 0x2A, 0]) || begins([0x4D, 0x4D, 0, 0x2A]) {
        return .known("a TIFF picture")
      }
      if begins("ftypavi", at: 4) { return .known("an AVIF picture") }
      if begins("ftyphei", at: 4) || begins("ftypmif", at: 4) { return .known("a HEIF picture") }
      if begins([0xFF, 0x0A]) || begins("JXL ", at: 4) { return .known("a JPEG XL picture") }
      if begins("jP  ", at: 4) { return .known("a JPEG 2000 picture") }
      if bytes.count >= 2, bytes[0] == 0x50, (0x31...0x37).contains(bytes[1]),
        bytes.count == 2 || isBlank(bytes[2])
      {
        return .known("a Netpbm picture other than P5 and P6")
      }
      return nil
    }

    var video: FileKind? {
      let isVideo =
        begins("ftyp", at: 4) || (begins("RIFF") && begins("AVI ", at: 8))
        || begins([0x1A, 0x45, 0xDF, 0xA3])
      return isVideo ? .known("a video") : nil
    }

    var document: FileKind? {
      if begins("%PDF") { return .known("a PDF document") }
      if begins("version https://git-lfs") { return .known(pointer) }
      return nil
    }

    var archive: FileKind? {
      if begins("PK\u{3}\u{4}") || begins("PK\u{5}\u{6}") { return .known(zipArchive) }
      if begins([0x1F, 0x8B]) { return .known(gzip) }
      if begins("BZh") { return .known("a bzip2 archive") }
      if begins([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0]) { return .known("an xz archive") }
      if begins([0x28, 0xB5, 0x2F, 0xFD]) { return .known("a zstd archive") }
      if begins([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C]) { return .known("a 7-Zip archive") }
      if begins("Rar!") { return .known("a RAR archive") }
      if begins("ustar", at: 257) { return .known("a tar archive") }
      return nil
    }

    var model: FileKind? {
      if begins([0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]) { return .known(hdf5) }
      // Python's pickle, protocols 2 to 5.
      if bytes.count > 2, bytes[0] == 0x80, (2...5).contains(bytes[1]) { return .known(pickle) }
      if begins("TFL3", at: 4) { return .known("a TensorFlow Lite model") }
      if begins([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]) { return .known("a NumPy array") }
      if begins([0x7F, 0x45, 0x4C, 0x46]) { return .known("a program") }
      if begins("{\"", at: 8), bytes[6] == 0, bytes[7] == 0 { return .known("a safetensors file") }
      if isONNX { return .known(onnx) }
      return nil
    }

    /// Field 1 of the message, the version, then soon the name of the program that wrote it.
    private var isONNX: Bool {
      guard bytes.count > 4, bytes[0] == 0x08, bytes[1] < 0x40, bytes[2] == 0x12 else {
        return false
      }
      let length = Int(bytes[3])
      return bytes.count >= 4 + length
        && bytes[4..<4 + length].allSatisfy { $0 >= 0x20 && $0 < 0x7F }
    }

    var text: FileKind? {
      if begins([0xFF, 0xFE]) || begins([0xFE, 0xFF]) { return .text("text in UTF-16") }
      let head = bytes.prefix(64)
      guard !head.isEmpty, head.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || isBlank($0) }) else {
        return nil
      }
      let mark = begins([0xEF, 0xBB, 0xBF]) ? 3 : 0
      switch bytes.dropFirst(mark).first(where: { !isBlank($0) }) {
      case UInt8(ascii: "<"): return .text(webPage)
      case UInt8(ascii: "["): return .text("a cfg file or JSON")
      case UInt8(ascii: "{"): return .text("JSON")
      default: return .text("text")
      }
    }

    private func isBlank(_ byte: UInt8) -> Bool {
      byte == 0x20 || (0x09...0x0D).contains(byte)
    }
  }
}
