import DarknetImages
import DarknetSystem
import DarknetTensors
import DarknetTestSupport
import DarknetTraining
import Foundation
import Testing

@Suite struct TrainingRecordsTests {
  private static func row(_ iteration: Int) -> TrainingRecords.Row {
    TrainingRecords.Row(
      iteration: iteration, loss: 1 / Float(iteration), averageLoss: 2 / Float(iteration),
      rate: 0.001, seconds: 0.5, wait: 0.25, images: 4 * iteration, width: 32, height: 16)
  }

  @Test func `rows stand in the file, evaluations in the row before them`() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/results.csv"
      let copy = folder + "/copy.csv"
      let records = try TrainingRecords([path, copy], after: [])
      #expect(records.add(Self.row(1)) == nil)
      #expect(records.add(Self.row(2)) == nil)
      #expect(records.record(precision: 0.5) == nil)
      #expect(records.add(Self.row(4)) == nil)
      #expect(records.flush() == nil)
      #expect(
        try Data(contentsOf: URL(fileURLWithPath: path))
          == Data(contentsOf: URL(fileURLWithPath: copy)))
      #expect(
        try String(contentsOfFile: path, encoding: .utf8) == """
          iteration,loss,avg_loss,rate,seconds,wait,images,width,height,map
          1,1.0,2.0,0.001,0.5000,0.2500,4,32,16,
          2,0.5,1.0,0.001,0.5000,0.2500,8,32,16,0.500000
          4,0.25,0.5,0.001,0.5000,0.2500,16,32,16,

          """)
      // A resumed run gives the rows that it keeps; lines cut in two are none.
      #expect(TrainingRecords.rows(of: path) == records.rows)
      let again = try TrainingRecords([path], after: Array(records.rows[..<2]))
      #expect(again.add(Self.row(3)) == nil)
      #expect(again.flush() == nil)
      #expect(TrainingRecords.rows(of: path).map(\.iteration) == [1, 2, 3])
      try (String(contentsOfFile: path, encoding: .utf8) + "4,0.5,1")
        .write(toFile: path, atomically: false, encoding: .utf8)
      #expect(TrainingRecords.rows(of: path).map(\.iteration) == [1, 2, 3])
      #expect(TrainingRecords.rows(of: folder + "/none.csv").isEmpty)
    }
  }

  @Test func `a file that a training writes is in use`() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/results.csv"
      #expect(!TrainingRecords.isInUse(path))
      do {
        let records = try TrainingRecords([path], after: [])
        #expect(TrainingRecords.isInUse(path))
        _ = records.flush()
      }
      #expect(!TrainingRecords.isInUse(path))
    }
  }
}

@Suite struct TrainingChartTests {
  private static func rows(_ count: Int, precisions: Bool) -> [TrainingRecords.Row] {
    var random = Random(seed: 4)
    var average: Float = 0
    return (1...count).map { iteration in
      let loss = 400 / (1 + Float(iteration) / 12) + random.uniform(0.4, 2.2)
      average = iteration == 1 ? loss : 0.9 * average + 0.1 * loss
      var row = TrainingRecords.Row(
        iteration: iteration, loss: loss, averageLoss: average, rate: 0.001, seconds: 1, wait: 0,
        images: iteration, width: 416, height: 416)
      if precisions, iteration % (count / 12) == 0 {
        row.precision = 0.86 * (1 - 1 / (1 + Double(iteration) / Double(count) * 8))
      }
      return row
    }
  }

  /// Sizes, ink where there are curves, and no crash without rows; with the folder named in
  /// PRN_DARKNET_CHARTS, the pictures to look at.
  @Test(arguments: [(0, false), (1, false), (40, true), (600, false), (12_000, true)])
  func `charts`(count: Int, precisions: Bool) throws {
    let chart = TrainingChart(
      title: "v3-tiny-prn", rows: count == 0 ? [] : Self.rows(count, precisions: precisions),
      maxBatches: count == 600 ? 2000 : count, precisionName: "mAP@0.50")
    let picture = chart.draw()
    #expect(picture.width == 1000)
    let colors = Set(
      (0..<picture.width * picture.height).map { i in
        [picture.bytes[3 * i], picture.bytes[3 * i + 1], picture.bytes[3 * i + 2]]
      })
    #expect(colors.contains([0xD9, 0x48, 0x0F]) == precisions)
    if let folder = ProcessInfo.processInfo.environment["PRN_DARKNET_CHARTS"] {
      try ImageFile.save(picture, to: "\(folder)/chart-\(count).png", durable: false)
    }
  }
}
