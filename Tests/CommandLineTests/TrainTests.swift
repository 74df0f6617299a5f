import Darknet
import DarknetTestSupport
import Foundation
import Testing

/// `detector train` on the real program: lines, files, exit codes.
@Suite struct TrainTests {
  /// Numbers become `#`, so that the words and blanks of a line can be compared.
  private static func shape(_ text: some StringProtocol) -> String {
    String(text).replacing(/-?[0-9]+(\.[0-9]+)?/, with: "#")
  }

  @Test func `Darknet's lines and files`() throws {
    let folder = try TrainingFolder(data: "saveweights=8\nsavelast=5")
    let run = try folder.train("-map", "-gpus", "0,1")
    #expect(run.status == 0, "\(run.errors)")
    // The recorded lines of AlexeyAB's program.
    let lines = run.output.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines[0] == "0,1")
    #expect(lines[1] == " Prepare additional network for mAP calculation...")
    #expect(lines.contains("x"))
    #expect(run.output.contains("mini_batch = 4, batch = 8, time_steps = 1, train = 1 \n"))
    #expect(
      run.output.contains(
        "Weights are saved after: 8 iterations. Last weights (*_last.weight) are stored every 5 "
          + "iterations. \nLearning Rate: 0.001, Momentum: 0.9, Decay: 0.0005\n"
          + " Detection layer: 4 - type = 28 \nLoaded: "))
    let losses = lines.filter { $0.contains("avg loss") }
    #expect(losses.count == 12)
    #expect(
      losses.allSatisfy {
        Self.shape($0) == " #: #, # avg loss, # rate, # seconds, # images, # hours left"
      })
    #expect(losses[0].hasPrefix(" 1: ") && losses[0].hasSuffix(" 8 images, -1.000000 hours left"))
    #expect(losses[11].contains(" 96 images, "))
    #expect(
      run.output.contains(
        " seconds\n\n (next mAP calculation at 100 iterations) 1/12: loss="))
    #expect(run.output.contains(" hours left=-1.0\n 1: "))
    // A file is no place for what clears a screen or rings.
    for stream in [run.output, run.errors] {
      #expect(!stream.unicodeScalars.contains { $0.value < 32 && $0 != "\n" && $0 != "\t" })
    }
    #expect(run.output.contains("\n mean_average_precision (mAP@0.50) = "))
    // Nothing found is no best, though the file is written, as AlexeyAB's program does.
    let isNothing = run.output.contains("(mAP@0.50) = 0.000000 \n")
    #expect(run.output.contains(" \nNew best mAP!\n") == !isNothing)
    #expect(
      run.output.hasSuffix(
        "If you want to train from the beginning, then use flag in the end of training command: "
          + "-clear \n"))
    let heads = run.errors.split(separator: "\n").filter { $0.hasPrefix("v3 (mse loss") }
    #expect(heads.count == 24)
    #expect(
      Self.shape(heads[0])
        == "v# (mse loss, Normalizer: (iou: #, obj: #, cls: #) Region # Avg (IOU: #), count: #, "
        + "class_loss = #, iou_loss = #, total_loss = # ")
    #expect(run.errors.contains(" total_bbox = "))
    #expect(run.errors.contains("\ntrained for "))
    #expect(
      Self.shape(run.errors.split(separator: "\n").last ?? "").hasSuffix(
        " until iteration #, best mAP@# # % after iteration #; the weights are in "
          + "backup/x_final.weights"))
    #expect(run.errors.contains("Saving weights to backup/x_last.weights\n"))
    #expect(
      try folder.files("backup") == [
        "x_8.weights", "x_best.weights", "x_final.weights", "x_last.state", "x_last.weights",
      ])
    #expect(try WeightsFile(folder.url.path + "/backup/x_final.weights").header.seen == 96)
    #expect(try WeightsFile(folder.url.path + "/backup/x_last.weights").header.seen == 80)
    let rows = try folder.text("results.csv").split(separator: "\n")
    #expect(rows.count == 13)
    #expect(rows[0] == "iteration,loss,avg_loss,rate,seconds,wait,images,width,height,map")
    #expect(rows[12].hasPrefix("12,") && !rows[12].hasSuffix(","))
    for name in ["chart.png", "chart_x.png"] {
      let chart = try ImageFile.loadBitmap(folder.url.appendingPathComponent(name).path)
      #expect(chart.width == 1000)
    }
  }

  @Test func `pjreddie's lines and files`() throws {
    let folder = try TrainingFolder(net: "max_batches=3")
    let run = try folder.train("-dialect", "pjreddie")
    #expect(run.status == 0, "\(run.errors)")
    let lines = run.output.split(separator: "\n")
    #expect(lines[0] == "x")
    #expect(lines[1] == "Learning Rate: 0.001, Momentum: 0.9, Decay: 0.0005")
    #expect(Self.shape(lines[2]) == "Loaded: # seconds")
    #expect(lines[3].hasPrefix("Region 4 Avg IOU: "))
    #expect(Self.shape(lines[5]) == "#: #, # avg, # rate, # seconds, # images")
    #expect(try folder.files("backup") == ["x_final.weights"])
  }

  /// The same seed, the same bits; and a run that starts from a file continues at its iteration.
  @Test func `a seed repeats a run, and weights continue it`() throws {
    let first = try TrainingFolder(net: "max_batches=9", data: "savelast=6")
    let second = try TrainingFolder(net: "max_batches=9", data: "savelast=6")
    #expect(try first.train().status == 0)
    #expect(try second.train().status == 0)
    let whole = try first.bytes("backup/x_final.weights")
    #expect(try second.bytes("backup/x_final.weights") == whole)
    // With the state beside it, bit for bit; the seed is the first run's.
    let resumed = try second.train("backup/x_last.weights", "-seed", "99")
    #expect(resumed.errors.contains("resuming after iteration 6, with saved momentum\n"))
    #expect(resumed.output.contains("\n 7: ") && !resumed.output.contains("\n 6: "))
    #expect(try second.bytes("backup/x_final.weights") == whole)
    #expect(try second.text("results.csv").split(separator: "\n").count == 10)
    // Without it momentum begins at 0.
    try FileManager.default.removeItem(at: second.url.appendingPathComponent("backup/x_last.state"))
    let other = try second.train("backup/x_last.weights")
    #expect(
      other.errors.contains(
        "resuming after iteration 6, with momentum of 0: there is no backup/x_last.state\n"))
    #expect(try second.bytes("backup/x_final.weights") != whole)
    // A damaged one is not taken for a missing one.
    var state = try first.bytes("backup/x_last.state")
    state[500] ^= 0x7F
    try state.write(to: first.url.appendingPathComponent("backup/x_last.state"))
    let damaged = try first.train("backup/x_last.weights")
    #expect(damaged.status == 0)
    let line = "resuming after iteration 6, with momentum of 0: backup/x_last.state: byte "
    #expect(damaged.errors.contains(line + "\(state.count - 8): expected "))
    #expect(damaged.errors.contains(", the checksum of the bytes before, found "))
    #expect(damaged.errors.contains("; the file is damaged\n"))
    #expect(try first.bytes("backup/x_final.weights") == second.bytes("backup/x_final.weights"))
    // -clear starts at 0, and finished weights leave nothing to do.
    let clear = try second.train("backup/x_last.weights", "-clear")
    #expect(clear.output.contains("\n 1: "))
    let done = try second.train("backup/x_final.weights")
    #expect(done.status == 0)
    #expect(done.errors.contains("nothing is left to train; -clear starts from 0\n"))
  }

  @Test func `sizes change where the last head says random`() throws {
    let folder = try TrainingFolder(
      net: "max_batches=130", layers: TrainingFolder.layers + "\nrandom=1", trainCount: 4)
    let run = try folder.train()
    #expect(run.status == 0, "\(run.errors)")
    // round(1.4 * 64 / 32 + 1) * 32
    #expect(run.output.contains("Resizing, random_coef = 1.40 \n\n 128 x 128 \nLoaded: "))
    let sizes = Set(
      try folder.text("results.csv").split(separator: "\n").dropFirst().map {
        $0.split(separator: ",", omittingEmptySubsequences: false)[7]
      })
    #expect(sizes.contains("128") && sizes.count > 1)
  }

  @Test func `the pictures that the network sees`() throws {
    let folder = try TrainingFolder(net: "max_batches=1")
    #expect(try folder.train("-show_imgs").status == 0)
    let pictures = try folder.files(".").filter { $0.hasPrefix("aug_1_") }
    #expect(pictures.count == 8)
    let picture = try ImageFile.loadBitmap(folder.url.appendingPathComponent(pictures[0]).path)
    #expect(picture.width == 64 && picture.height == 64)
  }

  /// What is wrong before the first iteration.
  @Test(arguments: [
    (
      "x.data", "train=nowhere.txt\nbackup=backup\n", 3,
      "x.data:1: train: expected a list of pictures, found no file 'nowhere.txt'"
    ),
    (
      "x.data", "train=shapes/train.txt\n", 3,
      "x.data: backup: expected a folder for the weights, found no such line and no folder"
    ),
    ("x.data", "train=shapes/train.txt\nbackup=x.cfg/backup\n", 4, "x.cfg"),
    (
      "x.cfg", "[net]\nwidth=32\nheight=32\nchannels=3\nbatch=8\n[convolutional]\n", 3,
      "x.cfg: expected a network with a [yolo], [region], [Gaussian_yolo] or [detection]"
    ),
    (
      "x.cfg",
      TrainingFolder.cfg("").replacingOccurrences(of: "batch=8\nsubdivisions=2", with: "batch=1"),
      3,
      "x.cfg: [net] batch: expected several images for an update, as batch=64"
    ),
  ])
  func `what cannot be trained`(file: String, text: String, status: Int32, line: String) throws {
    let folder = try TrainingFolder()
    try folder.write(text, to: file)
    let run = try folder.train()
    #expect(run.status == status)
    #expect(run.errors.contains(line), "found: \(run.errors.suffix(400))")
    #expect(!run.output.contains("avg loss"))
  }
}
