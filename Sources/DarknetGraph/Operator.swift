extension Graph {
  /// What an operator reads.
  package struct Operand: Hashable, Sendable {
    package enum Role: Hashable, Sendable {
      /// What the operation is about: the map, or the next of several.
      case map
      /// Added to a convolution's output.
      case residual
      /// [N, C, 1, 1], multiplied into the map's channels.
      case factors
    }

    package var value: ValueID
    package var role = Role.map
    /// The channels that are read; others may be gone by then.
    package var channels: Range<Int>

    package init(_ value: ValueID, role: Role = .map, channels: Range<Int>) {
      self.value = value
      self.role = role
      self.channels = channels
    }
  }

  /// What an operator writes.
  package struct Result: Hashable, Sendable {
    package enum Role: Hashable, Sendable {
      case map
      /// Maxima of 2x2 squares of the map, stride 2.
      case pooled
      /// Means of the map's channels: [N, C, 1, 1].
      case averages
    }

    package var value: ValueID
    package var role = Role.map

    package init(_ value: ValueID, role: Role = .map) {
      self.value = value
      self.role = role
    }
  }

  /// One step of a network, with what it reads and writes.
  package struct Operator: Hashable, Sendable {
    package var operation: Operation
    package var operands: [Operand]
    /// A convolution whose whole map nobody reads has no result with the role `.map`.
    package var results: [Result]
    /// The layers of the cfg that it computes, or a part of them.
    package var layers: ClosedRange<Int>
    /// The way that the executor has chosen, in its own words; nil before it has.
    package var implementation: String?

    package init(
      _ operation: Operation, _ operands: [Operand], _ results: [Result], layers: ClosedRange<Int>
    ) {
      self.operation = operation
      self.operands = operands
      self.results = results
      self.layers = layers
    }

    /// The operand with a role; nil if there is none.
    package func operand(_ role: Operand.Role) -> Operand? { operands.first { $0.role == role } }
    /// The value written with a role; nil if there is none.
    package func result(_ role: Result.Role) -> ValueID? {
      results.first { $0.role == role }?.value
    }
  }
}
