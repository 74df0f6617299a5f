import DarknetImages

/// The bytes that a base64 text stands for; anything outside of the alphabet is skipped.
package func base64(_ text: String) -> [UInt8] {
  let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  var bytes: [UInt8] = []
  var bits = 0
  var count = 0
  for character in text.utf8 {
    guard let value = alphabet.firstIndex(of: character) else { continue }
    bits = (bits << 6 | value) & 0xFFFFFF
    count += 6
    if count >= 8 {
      count -= 8
      bytes.append(UInt8(bits >> count & 0xFF))
    }
  }
  return bytes
}

/// Decodes bytes of a test under the name "picture".
package func decode(
  _ bytes: [UInt8], channels: Int = 3, limits: ImageFile.Limits = .init()
) throws(ImageError) -> Bitmap {
  let result = bytes.withUnsafeBytes { bytes in
    Result { () throws(ImageError) in
      try ImageFile.decode(bytes, name: "picture", channels: channels, limits: limits)
    }
  }
  return try result.get()
}

/// The text of the error that decoding ends with; empty if there is none.
package func decodingError(_ bytes: [UInt8], limits: ImageFile.Limits = .init()) -> String {
  do {
    _ = try decode(bytes, limits: limits)
    return ""
  } catch {
    return error.description
  }
}

extension Bitmap {
  /// The samples of the pixel at (x, y).
  package subscript(x: Int, y: Int) -> [UInt8] {
    (0..<channels).map { bytes[(y * width + x) * channels + $0] }
  }

  /// A bitmap of the given samples, interleaved.
  package convenience init(width: Int, height: Int, channels: Int, _ samples: [UInt8]) {
    self.init(width: width, height: height, channels: channels)
    precondition(samples.count == count)
    for (k, sample) in samples.enumerated() { bytes[k] = sample }
  }
}

extension Image {
  /// An image of the given samples, plane by plane.
  package convenience init(channels: Int = 1, height: Int, width: Int, _ samples: [Float]) {
    self.init(channels: channels, height: height, width: width)
    precondition(samples.count == shape.count)
    for (k, sample) in samples.enumerated() { pointer[k] = sample }
  }

  package var samples: [Float] { Array(values) }
}
