/// Every layer type, by the names of its cfg section.
package enum LayerRegistry {
  /// The one line that a new layer adds.
  static let types: [any Layer.Type] = [
    // With weights.
    BatchNormalizationLayer.self,
    ConnectedLayer.self,
    ConvolutionalLayer.self,
    DeconvolutionalLayer.self,
    ImplicitLayer.self,
    LocalLayer.self,
    // Value by value, pixel by pixel.
    ActivationLayer.self,
    DropoutLayer.self,
    EmptyLayer.self,
    L2NormalizationLayer.self,
    LocalResponseNormalizationLayer.self,
    // Other sizes.
    AveragePoolLayer.self,
    CropLayer.self,
    LocalAveragePoolLayer.self,
    MaxPoolLayer.self,
    Reorg3DLayer.self,
    ReorgLayer.self,
    UpsampleLayer.self,
    // Joining layers.
    GateLayer.self,
    PartialShortcutLayer.self,
    RouteLayer.self,
    ScaleChannelsLayer.self,
    ShortcutLayer.self,
    SpatialAttentionLayer.self,
    // Sequences.
    ConvLSTMLayer.self,
    CRNNLayer.self,
    GRULayer.self,
    HistoryLayer.self,
    LSTMLayer.self,
    RNNLayer.self,
    // Losses.
    ContrastiveLayer.self,
    CostLayer.self,
    LogisticLayer.self,
    SoftmaxLayer.self,
    // Heads.
    InstanceSegmentationLayer.self,
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
  package static func layer(named name: String) -> (any Layer.Type)? { byName[name] }

  /// All section names, sorted.
  package static var names: [String] { byName.keys.sorted() }
}
