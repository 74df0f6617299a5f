import DarknetGraph

/// Gives every value of a graph, for a batch, its place in a plan's memory.
///
/// A value lives from the operator that writes it to the last one that reads it. Slices are views;
/// a concatenation of whole maps is written in place by their makers; a sum takes the place of its
/// first term if nobody else needs that. `PlanStorage` then lets what never lives at once share
/// memory, and gives back channels that nobody reads any more.
struct ReuseMemory {
  typealias Place = PlanStorage.Place

  private(set) var storage = PlanStorage()
  /// A part of a concatenation that its maker does not write in place.
  struct Copy {
    var from: Place
    /// Bytes from the start of an image of the concatenation.
    var offset: Int
    /// Bytes of an image.
    var count: Int
  }

  /// Of each value that somebody writes.
  private(set) var places: [Graph.ValueID: Place] = [:]
  /// What concatenations, by their place in the order, still have to copy.
  private(set) var copies: [Int: [Copy]] = [:]
  private let graph: Graph
  private let batch: Int
  /// The last operator that reads each value; after all of them if it is kept.
  private let lastReaders: [Int]
  /// How many living values are in each slot.
  private var occupants: [Int: Int] = [:]
  /// Values that a view of gaps would not serve.
  private let needsWholeImages: Set<Graph.ValueID>

  /// - Parameter batch: images that each value has.
  init(_ graph: Graph, batch: Int) {
    self.graph = graph
    self.batch = batch
    var last = [Int](repeating: -1, count: graph.values.count)
    var whole = Set<Graph.ValueID>()
    for (index, step) in graph.operators.enumerated() {
      for (number, operand) in step.operands.enumerated() {
        last[operand.value] = index
        if !Self.readsStrided(step, number) { whole.insert(operand.value) }
      }
    }
    for value in graph.kept { last[value] = graph.operators.count }
    lastReaders = last
    needsWholeImages = whole
    makePlace(Graph.input, at: 0)
    for index in graph.operators.indices { place(index) }
    storage.use(places[Graph.input]!, at: 0)
    for value in graph.kept { storage.use(places[value]!, at: graph.operators.count) }
    storage.layOut()
  }

  /// Whether an operator can read its operand number `number` with gaps between the images.
  private static func readsStrided(_ step: Graph.Operator, _ number: Int) -> Bool {
    switch step.operation {
    case .convolution:
      step.implementation != ChooseAlgorithm.plain && step.operands[number].role != .factors
    case .pointwiseDepthwise, .concatenate, .slice, .convert: true
    case .add: number > 0
    default: false
    }
  }

  /// Where an operand's channels are.
  func place(of operand: Graph.Operand) -> Place {
    let value = graph.values[operand.value]
    let bytes = value.layout.count(
      channels: operand.channels.upperBound, area: value.shape.area)
    return places[operand.value]!.prefix(bytes * value.type.byteCount)
  }

  // MARK: One operator

  @discardableResult
  private mutating func makePlace(_ value: Graph.ValueID, at step: Int) -> Place {
    let bytes = graph.values[value].byteCount
    let place = Place(
      slot: storage.makeSlot(count: batch * bytes, at: step), imageStride: bytes,
      imageCount: bytes, batch: batch)
    places[value] = place
    occupants[place.slot] = 1
    return place
  }

  private mutating func place(_ index: Int) {
    let step = graph.operators[index]
    let inputs = step.operands.map { place(of: $0) }
    for input in inputs { storage.use(input, at: index) }
    switch step.operation {
    case .slice where isView(step): placeView(step, inputs[0])
    case .slice, .concatenate: placeConcatenation(step, inputs, at: index)
    case .add where canReplace(step, at: index):
      // The term is gone by then, so the slot has no more values than before.
      places[step.results[0].value] = places[step.operands[0].value]
    default:
      for result in step.results { makePlace(result.value, at: index) }
    }
    for result in step.results { storage.use(places[result.value]!, at: index) }
  }

  /// Bytes from an image's start to a channel of a value.
  private func offset(ofChannel channel: Int, of value: Graph.ValueID) -> Int {
    channel * graph.values[value].shape.area * graph.values[value].type.byteCount
  }

  private func isView(_ step: Graph.Operator) -> Bool {
    batch == 1 || !needsWholeImages.contains(step.results[0].value)
  }

  private mutating func placeView(_ step: Graph.Operator, _ input: Place) {
    let (operand, value) = (step.operands[0], step.results[0].value)
    var place = places[operand.value]!
    place.offset += offset(ofChannel: operand.channels.lowerBound, of: operand.value)
    place.imageCount = graph.values[value].byteCount
    places[value] = place
    occupants[place.slot]! += 1
  }

  private mutating func placeConcatenation(
    _ step: Graph.Operator, _ inputs: [Place], at index: Int
  ) {
    let output = makePlace(step.results[0].value, at: index)
    var start = 0
    copies[index] = []
    for (operand, input) in zip(step.operands, inputs) {
      let value = graph.values[operand.value]
      let count =
        value.layout.count(channels: operand.channels.count, area: value.shape.area)
        * value.type.byteCount
      let isWhole = operand.channels.count == value.shape.channels
      if batch == 1, isWhole, isWholeSlot(input, bytes: count) {
        storage.place(input.slot, in: output.slot, at: start)
      } else {
        var from = input
        from.offset += offset(ofChannel: operand.channels.lowerBound, of: operand.value)
        copies[index]!.append(Copy(from: from, offset: start, count: count))
      }
      start += count
    }
  }

  /// Whether a place is all of a slot that is no part of another yet.
  private func isWholeSlot(_ place: Place, bytes: Int) -> Bool {
    place.offset == 0 && storage.isFree(place.slot)
      && storage.count(of: place.slot) == PlanStorage.lines(bytes)
  }

  /// Whether a sum may be written over its first term: nobody reads that again, and no other value
  /// is in its memory.
  private func canReplace(_ step: Graph.Operator, at index: Int) -> Bool {
    let term = step.operands[0].value
    let place = places[term]!
    return lastReaders[term] == index
      && !step.operands.dropFirst().contains { $0.value == term }
      && isWholeSlot(place, bytes: batch * graph.values[term].byteCount)
      && !storage.hasParts(place.slot)
      && occupants[place.slot] == 1
  }
}
