import DarknetTensors

/// A network as operators in the order in which they run: what executors and exporters read, and
/// what passes rewrite. It has shapes and element types, but no numbers and no arithmetic.
///
/// Every operator reads values that earlier ones wrote, or the network's input.
package struct Graph: Sendable {
  package typealias ValueID = Int

  /// A map of each image of a batch.
  package struct Value: Hashable, Sendable {
    package var shape: Shape
    package var type = ElementType.float32
    package var layout = Layout.nchw

    /// Bytes of one image.
    package var byteCount: Int { layout.count(shape) * type.byteCount }
  }

  /// A layer as the cfg has it: the operator that computes it by its own rule.
  package struct LayerEntry: Sendable {
    /// What the layer reads, in the order of its sources.
    package var operands: [Operand]
    /// What it writes; the first operand's value if it hands that on.
    package var output: ValueID
  }

  package private(set) var values: [Value]
  package var operators: [Operator] = []
  package internal(set) var layers: [LayerEntry] = []
  /// Values that are read after the last operator.
  package var kept: Set<ValueID> = []

  /// The network's input, which no operator writes.
  package static let input: ValueID = 0

  /// - Parameter input: of one image.
  package init(input: Shape) {
    values = [Value(shape: input)]
  }

  /// A value that nobody writes yet.
  package mutating func makeValue(
    _ shape: Shape, type: ElementType = .float32, layout: Layout = .nchw
  ) -> ValueID {
    values.append(Value(shape: shape, type: type, layout: layout))
    return values.count - 1
  }

  /// Says in which layout a value's writer leaves it.
  package mutating func setLayout(_ layout: Layout, of value: ValueID) {
    values[value].layout = layout
  }

  /// What layer `index` writes; the input for -1.
  package func output(ofLayer index: Int) -> ValueID {
    index < 0 ? Graph.input : layers[index].output
  }

  /// Names another value that holds what layer `index` writes: in another layout.
  package mutating func setOutput(_ value: ValueID, ofLayer index: Int) {
    layers[index].output = value
  }

  /// All channels of a value.
  package func whole(_ value: ValueID, role: Operand.Role = .map) -> Operand {
    Operand(value, role: role, channels: 0..<values[value].shape.channels)
  }

  /// How often each value is read, by operators and after the last one.
  package func useCounts() -> [Int] {
    var counts = [Int](repeating: 0, count: values.count)
    for value in kept { counts[value] += 1 }
    for step in operators {
      for operand in step.operands { counts[operand.value] += 1 }
    }
    return counts
  }

  /// Rewrites neighbours in the order of operators. `merge` is given an operator, the one after it
  /// and how often each value is read; where it returns one operator, that takes the place of both
  /// and is tried with its next neighbour.
  package mutating func mergeNeighbours(
    _ merge: (_ first: Operator, _ second: Operator, _ useCounts: [Int]) -> Operator?
  ) {
    let counts = useCounts()
    var merged: [Operator] = []
    merged.reserveCapacity(operators.count)
    for step in operators {
      if let last = merged.last, let joined = merge(last, step, counts) {
        merged[merged.count - 1] = joined
      } else {
        merged.append(step)
      }
    }
    operators = merged
  }

  /// Appends operators whose values are numbered from `values.count` on.
  mutating func append(_ newValues: [Value], _ newOperators: [Operator]) {
    values += newValues
    operators += newOperators
  }
}
