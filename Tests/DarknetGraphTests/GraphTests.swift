import DarknetGraph
import DarknetTensors
import DarknetText
import Testing

@Suite struct GraphTests {
  private static let shape = Shape(channels: 3, height: 4, width: 5)

  /// A chain of activations, one a layer.
  private func chain(_ count: Int) -> Graph {
    var graph = Graph(input: Self.shape)
    for index in 0..<count {
      graph.addLayer(
        reading: [(index - 1, 3)], outputShape: Self.shape, isIdentity: false
      ) { $0.append(.activate(.leaky)) }
    }
    return graph
  }

  @Test func `a layer's operators read what the one before wrote`() {
    var graph = Graph(input: Self.shape)
    graph.addLayer(reading: [(-1, 3)], outputShape: Self.shape, isIdentity: false) { lowering in
      lowering.append(.bias(lowering.constant(0)))
      lowering.append(.activate(.relu))
    }
    #expect(graph.operators.map(\.operation.name) == ["bias", "activate"])
    #expect(graph.operators[0].operands.map(\.value) == [Graph.input])
    #expect(graph.operators[1].operands[0].value == graph.operators[0].results[0].value)
    #expect(graph.output(ofLayer: 0) == graph.operators[1].results[0].value)
    #expect(
      graph.operators[0].operation == .bias(Graph.Constant(layer: 0, parameter: 0)))
  }

  @Test func `a layer that says nothing is opaque`() {
    var graph = Graph(input: Self.shape)
    graph.addLayer(
      reading: [(-1, 2)], outputShape: Shape(vector: 7), isIdentity: false
    ) { _ in }
    #expect(graph.operators.map(\.operation) == [.opaque])
    #expect(graph.operators[0].operands[0].channels == 0..<2)
    #expect(graph.values[graph.output(ofLayer: 0)].shape == Shape(vector: 7))
  }

  @Test func `a layer that hands its input on has no operator`() {
    var graph = chain(1)
    graph.addLayer(reading: [(0, 3)], outputShape: Self.shape, isIdentity: true) { _ in }
    #expect(graph.operators.count == 1)
    #expect(graph.output(ofLayer: 1) == graph.output(ofLayer: 0))
  }

  @Test func `uses are counted after the last operator, too`() {
    var graph = chain(2)
    graph.kept = [graph.output(ofLayer: 0), graph.output(ofLayer: 1)]
    #expect(graph.useCounts() == [1, 2, 1])
  }

  @Test func `neighbours merge as long as there is one that may`() {
    var graph = chain(4)
    graph.mergeNeighbours { first, second, uses in
      #expect(uses[first.results[0].value] == 1)
      var merged = first
      merged.results = second.results
      merged.layers = first.layers.lowerBound...second.layers.upperBound
      return merged
    }
    #expect(graph.operators.count == 1)
    #expect(graph.operators[0].layers == 0...3)
    #expect(graph.operators[0].operands.map(\.value) == [Graph.input])
  }

  @Test func `blocks of 16 channels round up, planes do not`() {
    #expect(Graph.Layout.nchw.count(channels: 17, area: 6) == 102)
    #expect(Graph.Layout.nchw16c.count(channels: 17, area: 6) == 192)
    #expect(Graph.Layout.nchw16c.count(channels: 16, area: 6) == 96)
    var graph = chain(0)
    let value = graph.makeValue(
      Shape(channels: 17, height: 2, width: 3), type: .int8, layout: .nchw16c)
    #expect(graph.values[value].byteCount == 192)
  }

  @Test func `the text names values, shapes, layouts and layers`() {
    var graph = chain(1)
    graph.operators[0].implementation = "hand"
    #expect(graph.text == "v1[5x4x3] = leaky(input[5x4x3]) by hand  # layer 0\n")
    graph.setLayout(.nchw16c, of: 1)
    #expect(graph.text == "v1[5x4x3 nchw16c] = leaky(input[5x4x3]) by hand  # layer 0\n")
  }
}
