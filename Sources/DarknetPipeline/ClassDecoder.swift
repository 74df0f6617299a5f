import DarknetInference
import DarknetLayers
import DarknetNetwork

/// Probabilities from the output of a plan that was run.
///
/// `Classifier` does all of it from a picture on; this is for those who fill a plan's input on
/// their own, as runs over lists do.
package struct ClassDecoder {
  /// What is run.
  package let plan: InferencePlan
  /// The tree of its `[softmax]`, if it has one.
  package let tree: ClassTree?
  /// For each class of the tree whether it counts as a leaf.
  private let leaves: [Bool]

  /// Reads the output of `plan` as probabilities.
  ///
  /// - Parameters:
  ///   - leaves: names of the classes that count as leaves, instead of those that have no children.
  ///   - usesTree: false to leave the network's outputs as they are.
  package init(_ plan: InferencePlan, leaves: Set<String>? = nil, usesTree: Bool = true) {
    self.plan = plan
    let tree = usesTree ? Self.tree(of: plan.network) : nil
    self.tree = tree
    self.leaves = (0..<(tree?.count ?? 0)).map { index in
      leaves?.contains(tree!.names[index]) ?? tree!.isLeaf(index)
    }
  }

  /// The tree of the last layer that has one.
  package static func tree(of network: Network) -> ClassTree? {
    network.nodes.lazy.reversed().compactMap { ($0.layer as? any LossLayer)?.classTree }.first
  }

  /// Values of the network's output.
  package var outputCount: Int { plan.network.shape(of: plan.network.outputIndex).count }

  /// Probabilities of one image of the last run: in a tree absolute ones, whose parents hold.
  ///
  /// - Parameters:
  ///   - image: 0..<batch of the plan.
  ///   - onlyLeaves: in a tree, inner classes are 0.
  package func probabilities(image: Int = 0, onlyLeaves: Bool) -> [Float] {
    let output = plan.output(plan.network.outputIndex).image(image)
    var values = Array(UnsafeBufferPointer(start: output, count: outputCount))
    if let tree {
      values.withUnsafeMutableBufferPointer {
        tree.multiplyAlongPaths($0.baseAddress!, onlyLeaves: false)
      }
      if onlyLeaves {
        for index in leaves.indices where !leaves[index] { values[index] = 0 }
      }
    }
    return values
  }
}
