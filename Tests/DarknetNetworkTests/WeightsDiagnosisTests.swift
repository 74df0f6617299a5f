import Darknet
import Foundation
import Testing

/// What is said about weights of a network with another number of classes.
@Suite struct WeightsDiagnosisTests {
  /// Five convolutions and two heads of two boxes each; the first head reads layer 3.
  private func cfg(classes: Int) -> String {
    let filters = 2 * (classes + 5)
    let conv = "[convolutional]\nfilters=4\nactivation=linear\n"
    let head =
      "[convolutional]\nfilters=\(filters)\nactivation=linear\n[yolo]\nnum=2\n"
      + "classes=\(classes)\n"
    return "[net]\nwidth=32\nheight=32\nchannels=3\n" + conv + conv + conv + head
      + "[route]\nlayers=2\n" + conv + head
  }

  private func network(_ cfg: String) throws -> Network {
    try NetworkBuilder(batch: 1).build(ConfigFile(text: cfg.utf8, name: "net.cfg"))
  }

  private func fault(file: String, of network: Network) -> String {
    do {
      _ = try WeightsFile(file).load(
        into: Parameters(of: network, randomize: false), of: network)
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  private func withWeights(
    of cfg: String, _ body: (String) throws -> Void
  ) throws {
    let folder = URL(fileURLWithPath: NSTemporaryDirectory() + "diagnosis-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let network = try network(cfg)
    let path = folder.path + "/x.weights"
    try WeightsFile.write(Parameters(of: network, seed: 3), of: network, to: path, seen: 0)
    try body(path)
  }

  @Test(arguments: [(80, 2), (2, 80), (1, 20)])
  func `the file's number of classes, and the cut before the heads`(file: Int, cfg: Int) throws {
    let network = try network(self.cfg(classes: cfg))
    try withWeights(of: self.cfg(classes: file)) { path in
      let text = fault(file: path, of: network)
      #expect(text.contains("; the file has \(counted(file, "class", "classes")), the cfg \(cfg)"))
      // Layer 3 is the first that depends on the classes.
      #expect(
        text.hasSuffix(
          "; the file may fit it up to layer 2: to start a training from these layers, cut it with "
            + "'prn-darknet partial net.cfg \(path) \(path).conv.3 3'; -force takes the file as it "
            + "is"), "\(text)")
    }
  }

  @Test func `no number of classes fits a file of another network`() throws {
    let network = try network(cfg(classes: 2))
    let other = "[net]\nwidth=32\nheight=32\nchannels=3\n[convolutional]\nfilters=64\nsize=3\n"
    try withWeights(of: other) { path in
      let text = fault(file: path, of: network)
      #expect(!text.contains("the file has"))
      #expect(text.contains("belongs to another cfg than net.cfg"))
    }
  }

  @Test func `a cut of less than three layers is not suggested`() throws {
    let small = "[net]\nwidth=32\nheight=32\nchannels=3\n[convolutional]\nfilters="
    let network = try network(small + "4\n[convolutional]\nfilters=5\n")
    try withWeights(of: small + "4\n[convolutional]\nfilters=6\n") { path in
      let text = fault(file: path, of: network)
      #expect(text.hasSuffix("belongs to another cfg than net.cfg"), "\(text)")
    }
  }
}
