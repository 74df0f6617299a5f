import DarknetTensors

/// One thing that a plan does.
struct PlanStep {
  /// The last layer that it computes.
  var layer: Int
  /// What it does, in words, for tables and tests.
  var what: String
  var workspaceCount = 0
  var run: (PlanMemory) -> Void
}

/// The memory that a plan's steps work on.
struct PlanMemory {
  let arena: UnsafeMutablePointer<Float>
  let workspace: UnsafeMutablePointer<Float>
  let storage: PlanStorage

  func pointer(_ place: PlanStorage.Place) -> UnsafeMutablePointer<Float> {
    arena + storage.offset(of: place)
  }
}
