import Darknet
import DarknetCommandLine

/// The numbers by which COCO's results name the pictures of a list.
///
/// Darknet takes the digits in a picture's name, as COCO's pictures have them, and 0 if there are
/// none, so that nobody can tell which picture a box belongs to. Here pictures without a number get
/// those after the largest of the list, in its order: if none has one, their places from 1.
struct CocoIdentities {
  private let list: ListFile
  private let numbers: [Int]
  /// What the user should know about them; nil if all names have a number of their own.
  let note: String?

  init(_ list: ListFile) {
    self.list = list
    let own = list.pictures.map {
      ResultsPicture(path: $0, width: 1, height: 1).cocoIdentity
    }
    let known = own.compactMap(\.self)
    let largest = known.max() ?? 0
    // After the largest number that there is nothing can be counted.
    var next = largest < .max - own.count ? largest : 0
    numbers = own.map { number in
      if let number { return number }
      next += 1
      return next
    }
    let missing = own.count - known.count
    var pictures: [Int: String] = [:]
    let double = zip(list.pictures, numbers).first { path, number in
      let first = pictures[number]
      pictures[number] = first ?? path
      return first != nil && first != path
    }
    if missing > 0 {
      let first = zip(list.pictures, own).first { $0.1 == nil }!.0
      note =
        "\(missing) of \(own.count) pictures have no number in their name, by which COCO knows "
        + "them (\(first)): they are numbered from \(next - missing + 1), in the order of "
        + list.path
    } else if let double {
      note =
        "\(double.0) and \(pictures[double.1] ?? "another picture") have the same number, "
        + "\(double.1), by which COCO knows pictures; give them names of their own"
    } else {
      note = nil
    }
  }

  /// - Parameter index: place in the list.
  subscript(index: Int) -> Int { numbers[index] }

  /// The pictures as COCO's `images` lists them.
  var images: String {
    let rows = zip(list.pictures, numbers).map { path, number in
      "{\"id\":\(number), \"file_name\":\(path.jsonQuoted)}"
    }
    return "[\n" + rows.joined(separator: ",\n") + "\n]\n"
  }
}
