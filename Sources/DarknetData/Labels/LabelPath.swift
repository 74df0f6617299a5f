import DarknetConfig

/// Where the labels of a picture are.
package enum LabelPath {
  /// AlexeyAB's rule: the known folders of COCO and VOC become `labels`, and the ending `.txt`.
  /// nil if the ending is not one of a picture.
  ///
  /// `/images/` alone stays, so labels beside the pictures are found. Endings may be in capitals
  /// or mixed.
  package static func alexeyab(_ picture: String) -> String? {
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
  package static func pjreddie(_ picture: String) -> String {
    var path = Array(picture.utf8)
    for folder in ["images", "JPEGImages", "raw"] { path.replaceFirst(folder, with: "labels") }
    for ending in [".jpg", ".png", ".JPG", ".JPEG"] { path.replaceFirst(ending, with: ".txt") }
    return String(decoding: path, as: UTF8.self)
  }

  /// The text file of the picture's name, whatever its ending, beside the picture.
  static func beside(_ picture: String) -> String {
    var path = Array(picture.trimmingBlanks().utf8)
    let name = path.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0
    // A name that only begins with a dot has no ending.
    if let dot = path.lastIndex(of: UInt8(ascii: ".")), dot > name { path.removeSubrange(dot...) }
    return String(decoding: path + Array(".txt".utf8), as: UTF8.self)
  }

  /// The same in a folder `labels` instead of the last `images` or `JPEGImages` of the path, as
  /// most exports have it; nil without such a folder.
  static func inLabelsFolder(_ picture: String) -> String? {
    var parts = beside(picture).utf8.split(
      separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    let folders = ["images", "JPEGImages"]
    let last = parts.dropLast().lastIndex { part in
      folders.contains { part.elementsEqual($0.utf8) }
    }
    guard let last else { return nil }
    parts[last] = "labels".utf8[...]
    return parts.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "/")
  }

  /// The places to look at, in order; the first that has a file counts. AlexeyAB's rule, the last
  /// `images/` of the path as `labels/`, pjreddie's rule where the path has `images/`, the
  /// picture's own folder; in pjreddie's dialect his rule alone.
  ///
  /// - Returns: no place twice, and never the picture itself; none if the rules lead nowhere.
  package static func candidates(for picture: String, dialect: Dialect) -> [String] {
    var places: [String?] = []
    switch dialect {
    case .pjreddie: places = [pjreddie(picture)]
    case .alexeyab:
      places = [alexeyab(picture), inLabelsFolder(picture)]
      let original = pjreddie(picture)
      // His rule may leave the ending, and so lead to a picture.
      if picture.contains("/images/") || picture.hasPrefix("images/"), original.hasSuffix(".txt") {
        places.append(original)
      }
      places.append(beside(picture))
    }
    var found: [String] = []
    for place in places {
      if let place, place != picture, !found.contains(place) { found.append(place) }
    }
    return found
  }
}

extension [UInt8] {
  /// Replaces the first occurrence of `text`.
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
