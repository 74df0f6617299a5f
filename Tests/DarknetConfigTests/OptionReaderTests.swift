import DarknetConfig
import Testing

/// Options by name and type, with defaults, errors and what is said about the others.
@Suite struct OptionReaderTests {
  private func reader(_ options: String) throws -> OptionReader {
    let file = try ConfigFile(text: "[conv]\n\(options)".utf8, name: "x.cfg")
    return OptionReader(file.sections[0], file: file.name)
  }

  @Test func `values by type`() throws {
    var options = try reader("i=3\nf=.5\ns=leaky\nb=1\nz=0\nl=1,-2, 3\nr=.1,2e3,")
    #expect(try options.int("i") == 3)
    #expect(try options.float("f") == 0.5)
    #expect(try options.string("s") == "leaky")
    #expect(try options.flag("b"))
    #expect(try !options.flag("z"))
    #expect(try options.ints("l") == [1, -2, 3])
    #expect(try options.floats("r") == [0.1, 2000])
    #expect(options.notes().isEmpty)
  }

  @Test func `defaults, and those that Darknet announces`() throws {
    var options = try reader("")
    #expect(try options.int("i") == nil)
    #expect(try options.int("i", default: 7) == 7)
    #expect(try options.size("n", default: 1, loud: true) == 1)
    #expect(try options.float("f", default: 0.2, loud: true) == 0.2)
    #expect(try options.string("s", default: "linear", loud: true) == "linear")
    #expect(try options.flag("b", default: true))
    #expect(
      options.events == [
        .defaultTaken(key: "n", value: .int(1)), .defaultTaken(key: "f", value: .float(0.2)),
        .defaultTaken(key: "s", value: .word("linear")),
      ])
    options.markRow()
    _ = try options.int("late", default: 2, loud: true)
    #expect(options.eventsBeforeRow.count == 3)
    #expect(options.eventsAfterRow == [.defaultTaken(key: "late", value: .int(2))])
  }

  @Test(arguments: ["leaky#first", "leaky # first", "leaky;x", "leaky // x"])
  func `a word ends at a remark`(text: String) throws {
    var options = try reader("activation = \(text)")
    #expect(try options.string("activation") == "leaky")
  }

  @Test func `a path may hold what begins remarks elsewhere`() throws {
    var options = try reader("tree = data/a#1;b.tree")
    #expect(try options.path("tree") == "data/a#1;b.tree")
  }

  @Test(arguments: [
    ("int", "a: expected a whole number, found 'x'; change it or drop the line", "a=x"),
    (
      "size",
      "a: expected a whole number of at least 1, found '0'; change it or drop the line", "a=0"
    ),
    ("range", "a: expected a whole number in 1...5, found '0'; change it or drop the line", "a=0"),
    (
      "flag",
      "a: expected a value after 'a=', found a line without '='; give it one or drop the line", "a"
    ),
    (
      "ints",
      "a: expected whole numbers separated by commas, found '' in place 2; fix the list", "a=1,,2"
    ),
    (
      "floats", "a: expected numbers separated by commas, found 'x' in place 1; fix the list",
      "a=x,2"
    ),
    ("float", "a: expected a number, found '1e99'; change it or drop the line", "a=1e99"),
    ("string", "a: expected a word, found '/x'; give it a value or drop the line", "a=/x"),
  ])
  func `errors name file, line, section and option`(
    type: String, message: String, line: String
  ) throws {
    var options = try reader("\n\(line)")
    #expect {
      switch type {
      case "int": _ = try options.int("a")
      case "size": _ = try options.size("a", default: 1)
      case "range": _ = try options.int("a", in: 1...5)
      case "flag": _ = try options.flag("a")
      case "ints": _ = try options.ints("a")
      case "floats": _ = try options.floats("a")
      case "float": _ = try options.float("a")
      default: _ = try options.string("a")
      }
    } throws: {
      "\($0)" == "x.cfg:3: [conv] \(message)"
    }
  }

  // MARK: Notes

  @Test func `the first of two options counts, and the other one is noted`() throws {
    var options = try reader("batch=64\nsize=3\nbatch=1\nsize=3")
    #expect(try options.int("batch") == 64)
    #expect(try options.int("size") == 3)
    #expect(
      options.notes().map(\.description) == [
        "x.cfg:4: [conv] batch: 'batch=1' is ignored: line 2 has 'batch=64', which is used; drop "
          + "one of the two",
        "x.cfg:5: [conv] size: 'size=3' is ignored: line 3 has the same; drop one of the two",
      ])
    #expect(options.notes().map(\.isFault) == [true, false])
  }

  @Test func `an unknown option gets the nearest name or its section's`() throws {
    var options = try reader("learning_rat=1\nclasses=3\ncolour=blue")
    _ = try options.float("learning_rate")
    let notes = options.notes(others: ["yolo": ["classes"], "region": ["classes"]])
    #expect(
      notes.map(\.description) == [
        "x.cfg:2: [conv] learning_rat: 'learning_rat=1' is ignored: [conv] has no such option; did "
          + "you mean 'learning_rate'?",
        "x.cfg:3: [conv] classes: 'classes=3' is ignored: [conv] has no such option; it is one of "
          + "[region], [yolo]",
        "x.cfg:4: [conv] colour: 'colour=blue' is ignored: [conv] has no such option",
      ])
    #expect(notes.map(\.isFault) == [true, true, false])
    #expect(options.unusedOptions.map(\.key) == ["learning_rat", "classes", "colour"])
  }

  @Test func `an option without effect is noted unless it asks for nothing`() throws {
    var options = try reader("stream=1\ndot=0\nloss_scale=1.0\nstride=2")
    options.readWithoutEffect("stream", "dot", because: "reasons")
    options.readWithoutEffect("loss_scale", off: 1, because: "reasons")
    options.passOver("stride")
    #expect(
      options.notes().map(\.description) == [
        "x.cfg:2: [conv] stream: 'stream=1' has no effect: reasons",
        "x.cfg:5: [conv] stride: 'stride=2' is ignored: other options of the section decide instead",
      ])
    #expect(options.unusedOptions.map(\.key) == ["stride"])
  }

  @Test func `notes of many sections are one`() {
    let notes = [2, 5, 9].map {
      ConfigNote(
        file: "x.cfg", line: $0, section: "conv", option: "a", kind: .unknown, text: "ignored")
    }
    #expect(
      ConfigNote.joined(notes).map(\.description) == [
        "x.cfg:2: [conv] a: ignored (and in 2 more sections)"
      ])
  }
}
