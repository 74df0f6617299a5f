import DarknetLayers
import DarknetTensors

extension Network {
  /// Operations of one image, as AlexeyAB's table counts them.
  package var operations: Double { nodes.reduce(0) { $0 + $1.layer.operations } }

  /// The mean number of values of the outputs that are maps: AlexeyAB's `avg_outputs`.
  package var averageOutputs: Int {
    // AlexeyAB looks at the width and height that a layer reads (what a [route] makes), which
    // some layers do not keep.
    func isMap(_ shape: Shape) -> Bool { shape.width > 1 && shape.height > 1 }
    let maps = nodes.filter { node in
      switch node.layer.averageOutputs {
      case .ifInputIsMap: isMap(shape(of: node.layer.sources.first ?? -1))
      case .ifOutputIsMap: isMap(node.outputShape)
      case .always: true
      case .never: false
      }
    }
    return maps.isEmpty ? 0 : maps.reduce(0) { $0 + $1.outputShape.count } / maps.count
  }
}
