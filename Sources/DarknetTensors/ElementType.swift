/// What the numbers of a tensor are stored as.
package enum ElementType: String, Hashable, Sendable, CaseIterable {
  case float32, bfloat16, int8, uint8, int32

  /// Bytes of one element.
  package var byteCount: Int {
    switch self {
    case .float32, .int32: 4
    case .bfloat16: 2
    case .int8, .uint8: 1
    }
  }
}
