/// Every layer type, by the names of its cfg section.
public enum LayerRegistry {
  /// The one line that a new layer adds.
  static let types: [any Layer.Type] = [
    // With weights.
    ConnectedLayer.self,
    ConvolutionalLayer.self,
    // Recurrent.
    ConvLSTMLayer.self,
    CRNNLayer.self,
    GRULayer.self,
    LSTMLayer.self,
    RNNLayer.self,
    // Joining layers.
    PartialShortcutLayer.self,
    RouteLayer.self,
    ShortcutLayer.self,
    // Heads.
    YoloLayer.self,
    GaussianYoloLayer.self,
    RegionLayer.self,
    DetectionLayer.self,
  ]

  private static let byName: [String: any Layer.Type] = {
    var table: [String: any Layer.Type] = [:]
    for type in types {
      for name in type.sectionNames { table[name] = type }
    }
    return table
  }()

  /// The layer of section `[name]`, or nil if there is none.
  public static func layer(named name: String) -> (any Layer.Type)? { byName[name] }

  /// All section names, sorted.
  public static var names: [String] { byName.keys.sorted() }
}
