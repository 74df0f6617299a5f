import DarknetData
import Foundation
import Testing

/// What is said of a list of which no picture can be read.
@Suite struct PathHintTests {
  /// A line of the list where `a b/dog.jpg` and `a b/cat.jpg` are, and the advice.
  static let lines: [(String, String)] = [
    ("F\\d\\dog.jpg", "with / instead of \\ it exists: change them"),
    ("\"F/d/dog.jpg\"", "it exists without the quotes: remove them"),
    ("'no.jpg'", "remove the quotes"),
    ("F/d/dog.JPG", "'F/d/dog.jpg' exists: use that spelling"),
    ("F/D/Dog.Jpg", "'F/d/dog.jpg' exists: use that spelling"),
    ("/F/d/dog.jpg", "it exists without the first /: remove that"),
    ("C:\\Users\\me\\dog.jpg", "a Windows path: write it as it is on this machine"),
    ("c:/dog.jpg", "a Windows path: write it as it is on this machine"),
    ("~/dog.jpg", "~ is not expanded: write the folder in full"),
    ("https://x.org/dog.jpg", "a web address: download the picture and write its path"),
    (
      "F/d/dog.jpg 12,20,50,60,0",
      "'F/d/dog.jpg' exists: write the path alone; boxes belong in a text file of the picture's "
        + "name"
    ),
    (
      "F/d/dog.jpg,12,20,50,60,dog",
      "'F/d/dog.jpg' exists: write the path alone; boxes belong in a text file of the picture's "
        + "name"
    ),
    ("F/d/dog.jpg F/d/cat.png", "'F/d/dog.jpg' exists: write one path per line"),
    ("F/d/dog", "'F/d/dog.jpg' exists: add the ending"),
    ("F/d/none.jpg", "check the paths, which start at the current folder"),
  ]

  @Test(arguments: lines.indices)
  func `a likely spelling is named`(index: Int) throws {
    let (line, advice) = Self.lines[index]
    let folder = "prn-hints-\(UUID().uuidString)"
    try makeFolder(folder + "/d")
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for name in ["dog.jpg", "cat.png"] { try write("no picture", to: "\(folder)/d/\(name)") }
    let path = line.replacingOccurrences(of: "F", with: folder)
    let list = ListFile(pictures: [path, "more.jpg"], name: "l.txt")
    #expect(
      "\(list.nothingReadable)"
        == "l.txt:1: expected a picture that can be read among 2, found none ('\(path)': no "
        + "readable file (No such file or directory)); "
        + advice.replacingOccurrences(of: "F", with: folder))
    #expect(throws: DataError.self) { try list.requirePicture() }
  }

  @Test func `paths that start at the list's folder`() throws {
    try withFolder { folder in
      try write("no picture", to: "\(folder)/dog.jpg")
      let list = ListFile(pictures: ["dog.jpg"], name: "\(folder)/l.txt")
      #expect(
        "\(list.nothingReadable)".hasSuffix(
          "; '\(folder)/dog.jpg' exists: run from the folder '\(folder)', or write the paths so"))
    }
  }

  @Test func `files that are there and no pictures`() throws {
    try withFolder { folder in
      let webp = "\(folder)/a.jpg"
      try write("RIFF....WEBPVP8 ", to: webp)
      #expect(
        "\(ListFile(pictures: [webp], name: "l").nothingReadable)"
          == "l:1: expected a picture that can be read, found none ('\(webp)': a WebP picture); "
          + "convert it, for example to PNG, or correct the path")
      let labels = "\(folder)/a.txt"
      try write("0 .5 .5 .1 .1", to: labels)
      #expect(
        "\(ListFile(pictures: [labels], name: "l").nothingReadable)"
          == "l:1: expected a picture that can be read, found none ('\(labels)': text); "
          + "list the pictures, not their labels")
    }
  }

  @Test func `endless lines are refused, and long paths cut in messages`() {
    let long = String(repeating: "a", count: 70_000)
    #expect {
      try ListFile(text: "x.jpg\n\(long)\n".utf8, name: "l")
    } throws: {
      "\($0)" == "l:2: expected one picture path per line, found a line of 70000 bytes; check "
        + "that the right file was named"
    }
    let list = ListFile(pictures: [String(repeating: "b", count: 9000)], name: "l")
    #expect("\(list.nothingReadable)".count < 700)
  }
}
