import DarknetData
import DarknetSystem
import DarknetTestSupport
import DarknetText
import Testing

@Suite struct ListTests {
  @Test(arguments: [
    "a.jpg\nb c.png\n", "a.jpg\r\nb c.png\r\n", "\u{FEFF}a.jpg\n  b c.png \t", "a.jpg\rb c.png",
  ])
  func `line ends, marks and blanks around do not matter`(text: String) throws {
    let list = try ListFile(text: text.utf8, name: "train.txt")
    #expect(list.pictures == ["a.jpg", "b c.png"])
    #expect(list.lines == [1, 2])
    #expect(list.problems.isEmpty)
  }

  @Test func `empty lines are counted and keep the numbering`() throws {
    let list = try ListFile(text: "a.jpg\n\n \t\nb.jpg\n\n".utf8, name: "train.txt")
    #expect(list.pictures == ["a.jpg", "b.jpg"])
    #expect(list.lines == [1, 4])
    #expect(list.emptyLineCount == 3)
    #expect(
      list.problems.map(\.description)
        == ["train.txt: expected one path per line, found 3 empty lines; they are ignored"])
  }

  @Test func `paths may be long and in any script`() throws {
    let long = String(repeating: "ordner/", count: 1000) + "bild.jpg"
    let list = try ListFile(text: "\(long)\n図/ねこ.png\nд/кот.jpg".utf8, name: "l")
    #expect(list.pictures == [long, "図/ねこ.png", "д/кот.jpg"])
  }

  @Test func `a path that is no UTF-8 keeps its bytes`() throws {
    let list = try ListFile(text: Array("a.jpg\n".utf8) + [0xE9, 0x2E], name: "l.txt")
    #expect(list.pictures.map(\.rawBytes) == [Array("a.jpg".utf8), [0xE9, 0x2E]])
    #expect(list.problems.isEmpty)
  }

  @Test(arguments: [("", "an empty file"), ("\n \n", "empty lines only")])
  func `a list needs a picture`(text: String, found: String) {
    #expect {
      try ListFile(text: text.utf8, name: "l.txt")
    } throws: {
      "\($0)" == "l.txt: expected one picture path per line, found \(found); "
        + "list the pictures, for instance with 'ls -1 folder/*.jpg'"
    }
  }

  @Test func `a picture is no list`() {
    #expect {
      try ListFile(text: [0x89, 0x50, 0x00, 0x0A], name: "x.png")
    } throws: {
      "\($0)" == "x.png: expected one picture path per line, found zero bytes, as in "
        + "pictures and weights; check that the right file was named"
    }
  }

  @Test func `a missing list is an error of the file`() {
    #expect {
      try ListFile("no/such/list.txt")
    } throws: {
      "\($0)".hasPrefix("no/such/list.txt: cannot read the file: No such file or directory; ")
    }
  }

  @Test func `duplicates name the first of their kind`() throws {
    let list = try ListFile(text: "a\nb\na\na\nb".utf8, name: "l")
    #expect(list.duplicates().map { [$0.first, $0.again] } == [[0, 2], [0, 3], [1, 4]])
  }

  // MARK: Names

  @Test func `names keep their numbers`() throws {
    let names = try NamesFile(text: "cat\r\n\r\nhot dog \r\n\r\n\r\n".utf8, name: "x.names")
    #expect(names.names == ["cat", "", "hot dog"])
    #expect(names[2] == "hot dog")
    #expect(names[7] == "7")
  }

  // MARK: Data files

  @Test func `a data file reads as Darknet's do`() throws {
    let text =
      "\u{FEFF}classes = 3\r\n# names=old\ntrain=a.txt\ntrain=b.txt\n backup = out/ \nodd=1\nvaild=c.txt"
    let data = try DataFile(text: text.utf8, name: "x.data")
    #expect(try data.classCount() == 3)
    #expect(data.trainPath == "a.txt")
    #expect(data.validPath == nil)
    #expect(data.backupFolder == "out/")
    #expect(data.namesPath == "data/names.list")
    #expect(data.resultsFolder == "results")
    #expect(data.evaluation == "voc")
    #expect(try data.saveLastInterval() == nil)
    #expect(
      data.notes.map(\.description) == [
        "x.data:4: train: 'train=b.txt' is ignored: line 3 has 'train=a.txt', which is used; drop "
          + "one of the two",
        "x.data:6: odd: 'odd=1' is ignored: no command reads it",
        "x.data:7: vaild: 'vaild=c.txt' is ignored: no command reads it; did you mean 'valid'?",
      ])
    #expect(data.notes.map(\.isFault) == [true, false, true])
  }

  @Test(arguments: [
    (
      "classes=1\nbackup=",
      "x.data:2: backup: expected a value after 'backup=', found none; give it one or drop the line"
    ),
    (
      "classes=1\nvalid",
      "x.data:2: valid: expected a value after 'valid=', found a line without '='; give it one or "
        + "drop the line"
    ),
    (
      "classes=1\n=======\n",
      "x.data:2: expected an option or a section, found '=======', which a git merge conflict "
        + "leaves; keep one of the two versions and drop the marks"
    ),
  ])
  func `a data file that cannot be read`(text: String, message: String) {
    #expect {
      try DataFile(text: text.utf8, name: "x.data")
    } throws: {
      "\($0)" == message
    }
  }

  @Test func `a folder to write to keeps its blanks and loses a remark`() throws {
    try withFolder { folder in
      func backup(_ value: String) throws -> String {
        try DataFile(text: "backup = \(value)".utf8, name: "x.data").backupFolder
      }
      #expect(try backup("\(folder)/my backup") == "\(folder)/my backup")
      #expect(try backup("\(folder)/out # folder") == "\(folder)/out")
      #expect(try backup("\(folder)/out#1") == "\(folder)/out#1")
      try write("", to: "\(folder)/mybackup")
      #expect(try backup("\(folder)/my backup") == "\(folder)/mybackup")
      try write("", to: "\(folder)/no # 1")
      #expect(try backup("\(folder)/no # 1") == "\(folder)/no # 1")
    }
  }

  @Test(arguments: [("0", "0"), ("x", "x"), ("-3", "-3"), ("99999999999", "99999999999")])
  func `a bad number is an error at its line`(value: String, found: String) throws {
    let data = try DataFile(text: "names=a\nclasses=\(value)".utf8, name: "x.data")
    #expect {
      try data.classCount()
    } throws: {
      "\($0)" == "x.data:2: classes: expected a whole number in 1...1000000, found '\(found)'; "
        + "change it or drop the line"
    }
  }

  @Test func `a cfg in its place is told`() {
    #expect {
      try DataFile(text: "[net]\nwidth=416".utf8, name: "yolo.cfg")
    } throws: {
      "\($0)" == "yolo.cfg:1: expected a .data file with lines such as 'names=x.names', "
        + "found the section [net] of a cfg; name the .data file before the cfg"
    }
  }

  @Test func `a path with blanks is taken verbatim if only that is there`() throws {
    try withFolder { folder in
      try write("a.jpg", to: "\(folder)/my list.txt")
      let data = try DataFile(
        text: "train = \(folder)/my list.txt\nvalid = \(folder)/no list.txt".utf8, name: "x.data")
      #expect(data.trainPath == "\(folder)/my list.txt")
      #expect(data.validPath == "\(folder)/nolist.txt")
      #expect(try data.list("train", default: "x").pictures == ["a.jpg"])
      #expect {
        try data.list("valid", default: "x")
      } throws: {
        "\($0)" == "x.data:2: valid: expected a list of pictures, found no file "
          + "'\(folder)/nolist.txt'; correct the path, which starts at the current folder"
      }
      #expect {
        try data.names()
      } throws: {
        "\($0)" == "x.data: names: expected a file of class names, found no such line and no "
          + "file 'data/names.list'; correct the path, which starts at the current folder"
      }
    }
  }

  @Test func `a file beside the data file is hinted at`() throws {
    try withFolder { folder in
      try write("a.jpg", to: "\(folder)/train-list.txt")
      try write("train=train-list.txt", to: "\(folder)/x.data")
      #expect {
        try DataFile("\(folder)/x.data").list("train", default: "x")
      } throws: {
        "\($0)" == "\(folder)/x.data:1: train: expected a list of pictures, found no file "
          + "'train-list.txt'; correct the path, which starts at the current folder, "
          + "or run from the folder '\(folder)'"
      }
    }
  }
}
