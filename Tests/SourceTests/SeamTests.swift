import Testing

/// What keeps parts of the library apart, as far as the sources show it.
@Suite struct SeamTests {
  /// Who runs a network is given a context, or takes the shared one by default; nothing below it
  /// looks for one itself.
  @Test func `only executors know the shared context`() throws {
    var defaults = Set<String>()
    for file in try Sources.swiftFiles(in: "Sources") where file.path.hasPrefix("Sources/Darknet") {
      for (number, line) in file.text.split(separator: "\n", omittingEmptySubsequences: false)
        .enumerated()
      {
        let place = "\(file.path):\(number + 1)"
        #expect(!line.contains("ThreadPool.shared") || line.contains("///"), "\(place)")
        #expect(!line.contains("ComputeContext.shared") || line.contains("///"), "\(place)")
        if line.contains("ComputeContext = .shared") { defaults.insert(file.path) }
      }
    }
    #expect(
      defaults == [
        "Sources/DarknetInference/InferencePlan.swift",
        "Sources/DarknetTraining/BatchStep.swift", "Sources/DarknetTraining/Optimizer.swift",
        "Sources/DarknetTraining/TrainingExecutor.swift",
      ])
  }
}
