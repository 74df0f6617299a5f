import DarknetConfig

/// Where the labels of a picture are.
public enum LabelPath {
  /// AlexeyAB's rule: the known folders of COCO and VOC become `labels`, and the ending `.txt`.
  /// nil if the ending is none of a picture.
  ///
  /// `/images/` alone stays, so labels beside the pictures are found. Endings may be in capitals
  /// or mixed.
  public static func alexeyab(_ picture: String) -> String? {
    var path = Array(picture.trimmingBlanks().utf8)
    for part in ["train2017", "val2017", "train2014", "val2014"] {
      path.replaceFirst("/images/\(part)/", with: "/labels/\(part)/")
      path.replaceFirst("\\images\\\(part)\\", with: "\\labels\\\(part)\\")
    }
    path.replaceFirst("/JPEGImages/", with: "/labels/")
    path.replaceFirst("\\JPEGImages\\", with: "\\labels\\")
    for ending in ["jpg", "jpeg", "png", "bmp", "ppm", "tiff"] where path.ends(in: "." + ending) {
      path.removeLast(ending.utf8.count)
      return String(decoding: path + Array("txt".utf8), as: UTF8.self)
    }
    return nil
  }

  /// pjreddie's rule: the first `images`, then `JPEGImages`, then `raw` anywhere in the path
  /// becomes `labels`, then the first `.jpg`, `.png`, `.JPG` and `.JPEG` becomes `.txt`.
  public static func pjreddie(_ picture: String) -> String {
    var path = Array(picture.utf8)
    for folder in ["images", "JPEGImages", "raw"] { path.replaceFirst(folder, with: "labels") }
    for ending in [".jpg", ".png", ".JPG", ".JPEG"] { path.replaceFirst(ending, with: ".txt") }
    return String(decoding: path, as: UTF8.self)
  }

  /// The places to look at, in order: AlexeyAB's, then pjreddie's where the path has `/images/`,
  /// as data sets for the original have it; in pjreddie's dialect his rule alone.
  public static func candidates(for picture: String, dialect: Dialect) -> [String] {
    switch dialect {
    case .pjreddie: return [pjreddie(picture)]
    case .alexeyab:
      guard let first = alexeyab(picture) else { return [] }
      guard picture.contains("/images/") || picture.hasPrefix("images/") else { return [first] }
      let second = pjreddie(picture)
      return second == first || second == picture ? [first] : [first, second]
    }
  }
}

extension [UInt8] {
  /// Replaces the first place where `text` stands.
  fileprivate mutating func replaceFirst(_ text: String, with new: String) {
    let wanted = Array(text.utf8)
    guard count >= wanted.count else { return }
    for start in 0...count - wanted.count
    where self[start] == wanted[0] && self[start..<start + wanted.count].elementsEqual(wanted) {
      replaceSubrange(start..<start + wanted.count, with: Array(new.utf8))
      return
    }
  }

  /// Whether this ends in `text`, which is in small letters, in whatever letters.
  fileprivate func ends(in text: String) -> Bool {
    let lower = suffix(text.utf8.count).map {
      (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0
    }
    return count > lower.count && lower.elementsEqual(text.utf8)
  }
}
