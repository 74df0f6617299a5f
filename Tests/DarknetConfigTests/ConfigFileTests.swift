import DarknetConfig
import Testing

/// The rules by which Darknet reads a cfg, and those that go beyond them.
@Suite struct ConfigFileTests {
  private func read(_ text: String) throws -> ConfigFile {
    try ConfigFile(text: text.utf8, name: "x.cfg")
  }

  private func error(_ text: String) -> String {
    do {
      _ = try read(text)
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  @Test func `sections, options and their lines`() throws {
    let file = try read("[net]\nwidth = 4 16\n\n[convolutional]\r\n filters=8\r\n size\t=\t3")
    #expect(file.sections.map(\.name) == ["net", "convolutional"])
    #expect(file.sections.map(\.line) == [1, 4])
    #expect(file.sections[0].options.map(\.value) == ["416"])
    #expect(file.sections[0].options.map(\.verbatim) == ["4 16"])
    #expect(file.sections[1].options.map(\.key) == ["filters", "size"])
    #expect(file.sections[1].options.map(\.line) == [5, 6])
  }

  @Test func `a data file is a preamble`() throws {
    let file = try read("\u{FEFF}classes = 2\nnames = my names.txt\n")
    #expect(file.sections.isEmpty)
    #expect(file.preamble.map(\.value) == ["2", "mynames.txt"])
    #expect(file.preamble[1].verbatim == "my names.txt")
  }

  @Test func `an option splits at its first equals sign`() throws {
    #expect(try read("[a]\nx=1=2").sections[0].options[0].value == "1=2")
  }

  @Test func `a word without an equals sign has no value`() throws {
    let option = try read("[a]\nbatch_normalize").sections[0].options[0]
    #expect(option.key == "batch_normalize" && option.value == nil)
  }

  // MARK: Remarks

  @Test(arguments: ["# x", "; x", "  # x=1", "\t;x", ""])
  func `lines that are remarks`(line: String) throws {
    #expect(try read("[a]\n\(line)").sections[0].options.isEmpty)
  }

  @Test(arguments: [
    ("leaky # first", "leaky"), ("leaky ;first", "leaky"), ("leaky\t# a # b", "leaky"),
    ("leaky#first", "leaky#first"), ("1,2, 3 # 4", "1,2,3"), ("a;b", "a;b"),
  ])
  func `a remark needs a blank before it in any value`(text: String, value: String) throws {
    let option = try read("[a]\nx = \(text)").sections[0].options[0]
    #expect(option.value == value)
    #expect(option.whole == text)
  }

  @Test(arguments: ["[net] # x", "[net]#x", "[net];x", "[net] // x", " [ net ] "])
  func `remarks after a section`(line: String) throws {
    #expect(try read(line).sections.map(\.name) == ["net"])
  }

  // MARK: Errors

  @Test(arguments: [
    (
      "[yolo]\nanchors=",
      "x.cfg:2: [yolo] anchors: expected a value after 'anchors=', found none; give it one or "
        + "drop the line"
    ),
    (
      "backup = # folder",
      "x.cfg:1: backup: expected a value after 'backup=', found none; give it one or drop the line"
    ),
    (
      "[yolo]\nanchors =\n10,14, 23,27,\n37,58",
      "x.cfg:2: [yolo] anchors: expected a value after 'anchors=', found none; a list is read from "
        + "one line only: join the following lines to this one"
    ),
    (
      "[yolo]\nanchors = 10,14,\n23,27\n",
      "x.cfg:3: [yolo]: expected 'name=value', found numbers without a name, '23,27'; if they "
        + "belong to 'anchors=' in line 2, join the lines: a list is read from one line only"
    ),
    (
      "[net", "x.cfg:1: expected a section such as [convolutional], found '[net'; close the bracket"
    ),
    (
      "[]", "x.cfg:1: expected a section such as [convolutional], found '[]'; give it a name"
    ),
    (
      "[net]width=4",
      "x.cfg:1: expected a section such as [convolutional], found '[net]width=4'; put what follows "
        + "the bracket on a line of its own"
    ),
    (
      "[a]\n<<<<<<< HEAD\nx=1",
      "x.cfg:2: expected an option or a section, found '<<<<<<< HEAD', which a git merge conflict "
        + "leaves; keep one of the two versions and drop the marks"
    ),
    (
      "=======",
      "x.cfg:1: expected an option or a section, found '=======', which a git merge conflict "
        + "leaves; keep one of the two versions and drop the marks"
    ),
    (
      "\u{1}\0",
      "x.cfg: expected a text file, found a file with zero bytes; check that the right file was "
        + "named"
    ),
  ])
  func `what cannot be read`(text: String, message: String) {
    #expect(error(text) == message)
  }

  @Test(arguments: [">>>>>>> theirs", "||||||| base", "======="])
  func `marks of a merge conflict`(line: String) {
    #expect(error("[net]\n\(line)\n").contains("found '\(line)', which a git merge conflict"))
  }

  @Test func `a picture and UTF-16 are named`() {
    let jpeg: [UInt8] = [0xFF, 0xD8, 0xFF, 0xE0, 0, 16]
    #expect {
      try ConfigFile(text: jpeg, name: "x.cfg")
    } throws: {
      "\($0)" == "x.cfg: expected a text file, found a JPEG picture; check that the right file was "
        + "named"
    }
    #expect {
      try ConfigFile(text: [0xFF, 0xFE, 0x5B, 0] as [UInt8], name: "x.cfg")
    } throws: {
      "\($0)" == "x.cfg: expected a text file, found UTF-16; save it as UTF-8"
    }
  }

  // MARK: What is ignored

  @Test(arguments: ["=", "= 5", "====", "========"])
  func `an option without a name is noted`(line: String) throws {
    let file = try read("[a]\n\(line)\nx=1")
    #expect(file.sections[0].options.map(\.key) == ["x"])
    #expect(file.notes.map(\.line) == [2])
    let squeezed = line.filter { $0 != " " }
    #expect("\(file.notes[0])".hasPrefix("x.cfg:2: [a]: '\(squeezed)' has no name"))
  }
}
