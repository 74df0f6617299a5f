import DarknetLayers
import DarknetTestSupport
import Testing

/// animal, thing | cat, dog (animal) | siamese, tabby (cat)
private let animals = "animal -1\nthing -1\n\ncat 0\r\ndog 0\nsiamese 2\ntabby 2\n"

@Suite struct ClassTreeTests {
  let tree: ClassTree
  init() throws { tree = try ClassTree(text: animals.utf8, file: "animals.tree") }

  @Test func `lines with one parent are a group`() {
    #expect(tree.names == ["animal", "thing", "cat", "dog", "siamese", "tabby"])
    #expect(tree.parents == [-1, -1, 0, 0, 2, 2])
    #expect(tree.groups == [0..<2, 2..<4, 4..<6])
    #expect(tree.childGroup == [1, nil, 2, nil, nil, nil])
  }

  @Test func `probabilities multiply along the path`() {
    let conditional: [Float] = [0.75, 0.25, 0.5, 0.5, 0.125, 0.875]
    #expect(tree.probability(of: 4, conditional) == 0.75 * 0.5 * 0.125)
    var p = conditional
    tree.multiplyAlongPaths(&p, onlyLeaves: false)
    #expect(p == [0.75, 0.25, 0.375, 0.375, 0.046875, 0.328125])
    p = conditional
    tree.multiplyAlongPaths(&p, onlyLeaves: true)
    #expect(p == [0, 0.25, 0, 0.375, 0.046875, 0.328125])
  }

  @Test func `parents of a true class are true, unknown groups are left out`() {
    let out = CostLayer.leftOut
    #expect(tree.truth(of: [0, 0, 0, 0, 1, 0]) == [1, 0, 1, 0, 1, 0])
    #expect(tree.truth(of: [0, 0, 0, 1, 0, 0]) == [1, 0, 0, 1, out, out])
    #expect(tree.truth(of: [0, 1, 0, 0, 0, 0]) == [0, 1, out, out, out, out])
    // Two pictures mixed.
    #expect(tree.truth(of: [0, 0.25, 0, 0, 0, 0.75]) == [0.75, 0.25, 0.75, 0, 0, 0.75])
  }

  @Test(arguments: [(0.9, 0), (0.7, 0), (0.55, 2), (0.4, 5), (0.1, 5)] as [(Float, Int)])
  func `the best class goes down while it stays above the threshold`(
    threshold: Float, index: Int
  ) {
    let conditional: [Float] = [0.75, 0.25, 0.8, 0.2, 0.125, 0.875]
    #expect(tree.best(conditional, threshold: threshold) == index)
  }

  @Test func `softmax acts within each group`() {
    var y = [Float](repeating: 0, count: 6)
    tree.softmax([0, 0, 1, 1, 2, 2], to: &y)
    #expect(y == [0.5, 0.5, 0.5, 0.5, 0.5, 0.5])
  }

  @Test(arguments: [
    (
      "a -1\nb 1\n",
      "t.tree:2: expected a name and the number of an earlier class, or -1, found 'b 1'; fix the "
        + "line"
    ),
    (
      "a\n",
      "t.tree:1: expected a name and the number of an earlier class, or -1, found 'a'; fix the line"
    ),
    (
      "\n",
      "t.tree: expected a line 'NAME PARENT' per class, found none; check that the right "
        + "file was named"
    ),
  ])
  func `errors name the line`(text: String, message: String) {
    do {
      _ = try ClassTree(text: text.utf8, file: "t.tree")
      Issue.record("no error")
    } catch { #expect("\(error)" == message) }
  }
}
