import DarknetGraph

/// Layers of which a part has no kernel here become opaque again: they run by their own rule.
struct RestoreLayers: GraphPass {
  let name = "restore layers"
  /// Whether the executor has a kernel for an operator.
  let supports: (Graph.Operator) -> Bool

  func apply(to graph: inout Graph) {
    var opaque = Set<Int>()
    for step in graph.operators where step.layers.count == 1 && !supports(step) {
      opaque.insert(step.layers.lowerBound)
    }
    var restored: [Graph.Operator] = []
    for step in graph.operators {
      let layer = step.layers.lowerBound
      guard step.layers.count == 1, opaque.contains(layer) else {
        precondition(supports(step), "no kernel for \(step.operation.name)")
        restored.append(step)
        continue
      }
      if restored.last?.layers != step.layers { restored.append(graph.opaque(layer)) }
    }
    graph.operators = restored
  }
}

extension Graph {
  /// Layer `index` by its own rule.
  func opaque(_ index: Int) -> Operator {
    let entry = layers[index]
    return Operator(.opaque, entry.operands, [.init(entry.output)], layers: index...index)
  }
}
