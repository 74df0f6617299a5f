import DarknetGeometry
import DarknetImages
import DarknetTestSupport
import Foundation
import Testing

/// Paths and names whose bytes are no UTF-8, and data files that do not fit the network.
@Suite struct OutsideBytesTests {
  /// A detector of two classes on pictures of 32 x 32.
  static let cfg = """
    [net]
    width=32
    height=32
    channels=3
    batch=1
    [convolutional]
    filters=7
    size=1
    stride=1
    activation=linear
    [yolo]
    mask=0
    anchors=10,10
    classes=2
    num=1

    """

  /// A grey picture.
  private static let picture = Data("P6\n32 32\n255\n".utf8) + Data(count: 32 * 32 * 3)

  private func folder(names: [UInt8] = Array("cat\ndog\n".utf8), classes: Int = 2) throws -> URL {
    let folder = try TemporaryFolder.make()
    func write(_ data: Data, _ name: String) throws {
      try data.write(to: folder.appendingPathComponent(name))
    }
    try write(Data(Self.cfg.utf8), "x.cfg")
    try write(Data(names), "x.names")
    try write(Data("classes=\(classes)\nnames=x.names\n".utf8), "x.data")
    try write(Self.picture, "a.ppm")
    return folder
  }

  /// The shell knows names of any bytes; `$P` is the program.
  private func shell(_ script: String, in folder: URL) throws -> ProgramRun {
    try ProgramRun(
      ["-c", script], in: folder, program: URL(fileURLWithPath: "/bin/sh"),
      environment: ["P": ProgramRun.program.path])
  }

  private func lines(_ data: Data) -> [[UInt8]] {
    data.split(separator: 0x0A).map { Array($0) }
  }

  @Test func `arguments in Latin-1`() throws {
    let run = try shell(
      #"f=$(printf 'caf\351'); mv x.cfg "$f.cfg"; "$P" ops "$f.cfg"; "$P" ops "$f.none""#,
      in: try folder())
    #expect(run.output.contains("Floating Point Operations: "))
    #expect(run.status == 3)
  }

  @Test func `an error names the file with its bytes`() throws {
    let run = try shell(#""$P" ops "$(printf 'caf\351')" 2>&1"#, in: try folder())
    let line = Array("caf".utf8) + [0xE9] + Array(": cannot open the file: No such".utf8)
    #expect(lines(run.outputBytes).contains { $0.starts(with: line) })
  }

  @Test func `lists on standard input and in files`() throws {
    let run = try shell(
      #"""
      mkdir "$(printf '\326\320')"; cp a.ppm "$(printf '\326\320/caf\351 1.ppm')"
      printf '\357\273\277a.ppm\r\n\326\320/caf\351 1.ppm\r\n' > list
      "$P" detector test x.data x.cfg -force -dont_show -save_labels -out "$(printf '\351.json')" < list
      s=$?; ls -b "$(printf '\326\320')"; ls -b *.json; exit $s
      """#, in: try folder())
    #expect(run.status == 0, "\(run.errors)")
    let path = [0xD6, 0xD0] + Array("/caf".utf8) + [0xE9] + Array(" 1.ppm: Predicted in ".utf8)
    #expect(lines(run.outputBytes).contains { $0.starts(with: path) })
    #expect(run.output.contains("caf\\351\\ 1.txt\n"))
    #expect(run.output.contains("\\351.json\n"))
  }

  @Test func `blanks around a path of standard input`() throws {
    let run = try shell(
      #"""
      cp a.ppm ' b '; printf '  a.ppm  \n b \n' | "$P" detector test x.data x.cfg -force -strict
      """#, in: try folder())
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output.contains("Enter Image Path:  Detection layer"))
    #expect(run.output.contains("\na.ppm: Predicted") && run.output.contains("\n b : Predicted"))
  }

  @Test func `a data file leads to a list of such paths`() throws {
    let run = try shell(
      #"""
      cp a.ppm "$(printf 'caf\351.ppm')"; printf '0 .5 .5 .2 .2' > "$(printf 'caf\351.txt')"
      printf 'caf\351.ppm\n' > "$(printf '\351.list')"; printf 'names=x.names\nvalid=\351.list\n' > y.data
      printf '\0\0\0\0\2\0\0\0\5\0\0\0' > x.weights; head -c 120 /dev/zero >> x.weights
      "$P" detector map y.data x.cfg x.weights -force
      """#, in: try folder())
    #expect(run.output.contains("unique_truth_count = 1"), "\(run.output) \(run.errors)")
  }

  @Test(arguments: [[0x63, 0x61, 0x66, 0xE9], [0xD6, 0xD0, 0xCE, 0xC4]] as [[UInt8]])
  func `names come out as they went in`(name: [UInt8]) throws {
    let folder = try folder(names: name + [0x0D, 0x0A] + Array("dog".utf8))
    let list = try shell(
      #"echo a.ppm | "$P" detector test x.data x.cfg -force -thresh 0 -out o.json"#, in: folder)
    #expect(list.status == 0, "\(list.errors)")
    #expect(lines(list.outputBytes).contains { $0.starts(with: name + Array(": ".utf8)) })
    let json = try Data(contentsOf: folder.appendingPathComponent("o.json"))
    let escaped = name.map { $0 < 0x80 ? "\(Unicode.Scalar($0))" : "\\udc" + String($0, radix: 16) }
    #expect(String(validating: json, as: UTF8.self)?.contains("\"\(escaped.joined())\"") == true)
  }

  @Test func `classes of the data file are compared, names that lack are numbers`() throws {
    let folder = try folder(names: Array("cat\n".utf8), classes: 20)
    let run = try shell(
      #"echo a.ppm | "$P" detector test x.data x.cfg -force -thresh 0"#, in: folder)
    #expect(run.status == 0)
    #expect(
      run.errors.contains(
        "warning: x.data:1: classes: expected 2, as in x.cfg, found '20'; "
          + "the cfg's number counts; change the line\n"))
    #expect(
      run.errors.contains(
        "warning: x.names: expected a name for each of the 2 classes of x.cfg, found 1; "
          + "classes without a name are shown by their number\n"))
    #expect(
      run.output.contains(
        "\n Error: in the file x.names number of names 1 that isn't equal to classes=2 in the "
          + "file x.cfg \n"))
    #expect(run.output.contains("\n1: "))
    let fitting = try shell(
      #"echo a.ppm | "$P" detector test x.data x.cfg -force 2>&1"#, in: try self.folder())
    #expect(!fitting.output.contains("warning"))
  }
}
