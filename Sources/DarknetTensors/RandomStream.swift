/// What a training draws random numbers for. Each purpose has numbers of its own, so that no two
/// draws of a run are the same by accident.
///
///     var random = RandomStream.samples.generator(seed: seed, iteration, row)
///
/// A generator follows from the seed, the purpose and the place alone: a resumed run draws what
/// the uninterrupted one would have drawn, in any order and on any thread. The numbers of the
/// cases are part of what `-seed` repeats, so new cases go to the end.
package enum RandomStream: UInt64, CaseIterable, Sendable {
  /// `policy=random`; place: iteration.
  case learningRate = 1
  /// What layers draw while they run, as dropout; place: iteration, mini-batch.
  case layers
  /// Filters that are reinitialised; place: iteration.
  case rejectedFilters
  /// Sizes of the network's input; place: the number of the ten iterations that share one.
  case inputSizes
  /// Pictures and their variations; place: iteration, row.
  case samples
  /// Where sequences of frames start; place: iteration.
  case sequenceStarts
  /// What frames of a mini-batch share; place: iteration, mini-batch.
  case sequenceVariations
  /// How the two pictures of a pair differ; place: iteration, row.
  case pairVariations

  /// The numbers at one place of the stream.
  ///
  /// - Parameters:
  ///   - seed: of the run.
  ///   - place: what each case says, always as many numbers.
  package func generator(seed: UInt64, _ place: Int...) -> Random {
    // Each step is a bijection of all 64 bits, so places of one length never meet.
    var key = Self.mixed(seed ^ Self.mixed(rawValue))
    for number in place { key = Self.mixed(key ^ UInt64(bitPattern: Int64(number))) }
    return Random(seed: key)
  }

  private static func mixed(_ key: UInt64) -> UInt64 {
    var random = Random(seed: key)
    return random.next()
  }
}
