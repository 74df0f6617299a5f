/// One thing that a plan does.
struct PlanStep {
  /// The last layer that it computes.
  var layer: Int
  /// What it does, in words, for tables and tests.
  var what: String
  /// Bytes of scratch.
  var workspaceBytes = 0
  var run: (PlanMemory) -> Void
}

/// The memory that a plan's steps work on.
struct PlanMemory {
  let arena: UnsafeMutableRawPointer
  let workspace: UnsafeMutableRawPointer
  let storage: PlanStorage

  /// The float32 values of a place.
  func floats(_ place: PlanStorage.Place) -> UnsafeMutablePointer<Float> {
    (arena + storage.offset(of: place)).assumingMemoryBound(to: Float.self)
  }

  /// Scratch for float32 values.
  var floatWorkspace: UnsafeMutablePointer<Float> {
    workspace.assumingMemoryBound(to: Float.self)
  }
}
