import DarknetKernels
import DarknetLayers
import DarknetNetwork
import DarknetTensors

/// Decides how a network is run: which layers become one step, in which layout each map stands,
/// and when it may be forgotten.
struct PlanBuilder {
  typealias Place = PlanStorage.Place

  /// How a map's values stand: planes, or blocks of 16 channels (`ChannelBlocks`).
  enum Form: Hashable { case planar, blocked }

  struct Key: Hashable {
    var layer: Int
    var form: Form
  }

  let network: Network
  let parameters: Parameters
  let batch: Int
  let kept: Set<Int>
  let isExact: Bool
  let states: [FloatBuffer]
  /// Who computes convolutions.
  let threadPool: ThreadPool
  /// Called when a layer's parameters have been packed and are not looked at again.
  let afterPacking: () -> Void

  private(set) var storage = PlanStorage()
  private(set) var steps: [PlanStep] = []
  private var places: [Key: Place] = [:]
  /// Layers whose output is another layer's, unchanged.
  private var aliases: [Int: Int] = [:]
  /// Layers that an earlier step computes.
  var done: Set<Int> = []
  let lastReader: [Int]
  /// Maps that their only reader, a pointwise convolution, scales by weights of its own: the map
  /// and the factors of its channels.
  var scaled: [Int: (map: Int, factors: Int)] = [:]

  init(
    _ network: Network, parameters: Parameters, batch: Int, kept: Set<Int>, isExact: Bool,
    states: [FloatBuffer], threadPool: ThreadPool, afterPacking: @escaping () -> Void
  ) {
    self.threadPool = threadPool
    self.network = network
    self.parameters = parameters
    self.batch = batch
    self.kept = kept
    self.isExact = isExact
    self.states = states
    self.afterPacking = afterPacking
    lastReader = Self.lastReaders(network, kept: kept)
    let input = storage.makeSlot(count: batch * network.inputShape.count, at: 0)
    let count = network.inputShape.count
    places[Key(layer: -1, form: .planar)] = Place(
      slot: input, imageStride: count, imageCount: count, batch: batch)
  }

  /// The last layer that needs each layer's output, through layers that hand it on unchanged.
  private static func lastReaders(_ network: Network, kept: Set<Int>) -> [Int] {
    let end = network.nodes.count
    var last = Array(network.nodes.indices)
    for node in network.nodes.reversed() {
      if kept.contains(node.index) { last[node.index] = end }
      for source in node.layer.sources where source >= 0 {
        let reach = node.layer.isIdentityAtInference ? last[node.index] : node.index
        last[source] = max(last[source], reach)
      }
    }
    return last
  }

  mutating func build() {
    for node in network.nodes where !done.contains(node.index) {
      add(node)
      afterPacking()
    }
    for index in kept.sorted() { keep(index) }
    storage.use(places[Key(layer: -1, form: .planar)]!, at: 0)
    storage.layOut()
  }

  /// Where a kept layer's planes are.
  func place(of layer: Int) -> Place? { places[Key(layer: source(layer), form: .planar)] }

  // MARK: One layer

  private mutating func add(_ node: Network.Node) {
    if node.layer.isIdentityAtInference, node.layer.sources.count == 1 {
      aliases[node.index] = source(node.layer.sources[0])
      return
    }
    if !isExact {
      switch node.layer {
      case let layer as ConvolutionalLayer where layer.canPack:
        addConvolution(node, layer)
        return
      case let layer as MaxPoolLayer where layer.isPlain && isBlocked(layer.sources[0]):
        addPool(node, layer.window.pool, .maximum)
        return
      case let layer as LocalAveragePoolLayer where isBlocked(layer.sources[0]):
        addPool(node, layer.window.pool, .average)
        return
      case let layer as AveragePoolLayer
      where layer.inputShape.height == layer.inputShape.width && isBlocked(layer.sources[0]):
        let size = layer.inputShape.height
        let whole = MaxPool(
          height: size, width: size, size: size, strideX: 1, strideY: 1, padding: 0)
        addPool(node, whole, .average)
        return
      case let layer as ScaleChannelsLayer
      where !layer.isPerPixel && !layer.activation.mixesChannels && isBlocked(layer.sources[1]):
        addScale(node, layer)
        return
      case let layer as UpsampleLayer where !layer.isReducing && isBlocked(layer.sources[0]):
        addUpsample(node, layer)
        return
      case let layer as RouteLayer where addRoute(node, layer): return
      case let layer as any ResidualLayer where addResidual(node, layer): return
      default: break
      }
    }
    addPlain(node)
  }

  /// The layer that really makes `layer`'s output.
  func source(_ layer: Int) -> Int {
    var layer = layer
    while let other = aliases[layer] { layer = other }
    return layer
  }

  private func isBlocked(_ layer: Int) -> Bool {
    places[Key(layer: source(layer), form: .blocked)] != nil
  }

  private func floats(_ layer: Int, _ form: Form) -> Int {
    let shape = network.shape(of: layer)
    return form == .planar
      ? shape.count : ChannelBlocks.floats(channels: shape.channels, area: shape.area)
  }

  /// A new place for a layer's output.
  mutating func makePlace(_ layer: Int, _ form: Form) -> Place {
    let stride = floats(layer, form)
    let place = Place(
      slot: storage.makeSlot(count: batch * stride, at: steps.count), imageStride: stride,
      imageCount: stride, batch: batch)
    places[Key(layer: layer, form: form)] = place
    return place
  }

  /// A layer's output in a form, converted from the other if it must be.
  ///
  /// - Parameters:
  ///   - isWhole: whether the images must stand one after another without gaps.
  ///   - channels: the first channels that are read, which need not be all; nil for all.
  mutating func need(
    _ layer: Int, _ form: Form, isWhole: Bool = true, channels: Int? = nil
  ) -> Place {
    let layer = source(layer)
    let read = channels.map { prefix($0, of: layer, form) } ?? .max
    if let place = places[Key(layer: layer, form: form)],
      !isWhole || batch == 1 || place.imageStride == floats(layer, form)
    {
      storage.use(place.prefix(read), at: steps.count)
      return place.prefix(read)
    }
    let other: Form = form == .planar ? .blocked : .planar
    guard let from = places[Key(layer: layer, form: other)] else {
      preconditionFailure("layer \(layer) was not computed")
    }
    let shape = network.shape(of: layer)
    storage.use(from, at: steps.count)
    let to = makePlace(layer, form)
    let (batch, fromStride, toStride) = (batch, from.imageStride, to.imageStride)
    steps.append(
      PlanStep(layer: layer, what: form == .planar ? "blocks to planes" : "planes to blocks") {
        memory in
        let (x, y) = (memory.pointer(from), memory.pointer(to))
        for n in 0..<batch {
          if form == .planar {
            ChannelBlocks.unpack(
              x + n * fromStride, batch: 1, channels: shape.channels, area: shape.area,
              into: y + n * toStride)
          } else {
            ChannelBlocks.pack(
              x + n * fromStride, batch: 1, channels: shape.channels, area: shape.area,
              into: y + n * toStride)
          }
        }
      })
    storage.use(to.prefix(read), at: steps.count)
    return to.prefix(read)
  }

  /// Floats of an image that hold its first channels.
  private func prefix(_ channels: Int, of layer: Int, _ form: Form) -> Int {
    let area = network.shape(of: layer).area
    return form == .planar
      ? channels * area : ChannelBlocks.floats(channels: channels, area: area)
  }

  private mutating func keep(_ layer: Int) {
    let place = need(layer, .planar)
    storage.use(place, at: steps.count + network.nodes.count)
  }

  mutating func append(
    _ node: Int, _ what: String, workspace: Int = 0, reads: [Place], writes: [Place],
    _ run: @escaping (PlanMemory) -> Void
  ) {
    for place in reads + writes { storage.use(place, at: steps.count) }
    steps.append(PlanStep(layer: node, what: what, workspaceCount: workspace, run: run))
  }

  // MARK: Layers on blocks

  private mutating func addPool(
    _ node: Network.Node, _ window: MaxPool, _ reduction: ChannelBlocks.Reduction
  ) {
    let input = need(node.layer.sources[0], .blocked)
    let output = makePlace(node.index, .blocked)
    let (batch, channels) = (batch, node.outputShape.channels)
    append(
      node.index, reduction == .maximum ? "pool" : "average", reads: [input], writes: [output]
    ) { memory in
      ChannelBlocks.reduce(
        window, reduction, memory.pointer(input), batch: batch, channels: channels,
        output: memory.pointer(output))
    }
  }

  /// Channels times factors; left to the convolution behind it if that can scale its weights.
  private mutating func addScale(_ node: Network.Node, _ layer: ScaleChannelsLayer) {
    let (factorLayer, mapLayer) = (layer.sources[0], layer.sources[1])
    if layer.activation == .linear, node.index + 1 < network.nodes.count,
      lastReader[node.index] == node.index + 1,
      let next = network.nodes[node.index + 1].layer as? ConvolutionalLayer, next.canPack,
      next.sources == [node.index], PackedConvolution.choice(next.geometry) == .pointwise
    {
      scaled[node.index] = (mapLayer, factorLayer)
      return
    }
    let factors = need(factorLayer, .blocked)
    let input = need(mapLayer, .blocked)
    let output = makePlace(node.index, .blocked)
    let (batch, shape, activation) = (batch, node.outputShape, layer.activation)
    append(node.index, "scale", reads: [factors, input], writes: [output]) { memory in
      ChannelBlocks.scale(
        memory.pointer(input), by: memory.pointer(factors), batch: batch,
        channels: shape.channels, area: shape.area, activation: activation,
        output: memory.pointer(output))
    }
  }

  private mutating func addUpsample(_ node: Network.Node, _ layer: UpsampleLayer) {
    let input = need(layer.sources[0], .blocked)
    let output = makePlace(node.index, .blocked)
    let (batch, shape) = (batch, network.shape(of: layer.sources[0]))
    append(node.index, "upsample", reads: [input], writes: [output]) { memory in
      ChannelBlocks.upsample(
        memory.pointer(input), batch: batch, channels: shape.channels, height: shape.height,
        width: shape.width, stride: layer.stride, scale: layer.scale,
        output: memory.pointer(output))
    }
  }

  /// A concatenation of whole blocks, or a slice of blocks; false if channels do not fall so.
  private mutating func addRoute(_ node: Network.Node, _ layer: RouteLayer) -> Bool {
    let lanes = ChannelBlocks.lanes
    let area = node.outputShape.area
    let isAligned = layer.slices.enumerated().allSatisfy { number, slice in
      slice.lowerBound % lanes == 0
        && (slice.count % lanes == 0 || (number == layer.slices.count - 1 && layer.groups == 1))
    }
    guard isAligned, layer.sources.contains(where: { isBlocked($0) }) else { return false }
    if layer.sources.count == 1 {
      // A part of what is there: nothing is copied.
      var place = need(layer.sources[0], .blocked, isWhole: false)
      place.offset += layer.slices[0].lowerBound * area
      place.imageCount = floats(node.index, .blocked)
      places[Key(layer: node.index, form: .blocked)] = place
      return true
    }
    let inputs = layer.sources.map { need($0, .blocked, isWhole: false) }
    let output = makePlace(node.index, .blocked)
    var start = 0
    var copies: [(from: Place, offset: Int, count: Int)] = []
    for (input, slice) in zip(inputs, layer.slices) {
      let count = ChannelBlocks.count(slice.count) * lanes * area
      if batch == 1, layer.groups == 1, isWholeSlot(input, floats: count) {
        // Its maker writes it in place from the start.
        storage.place(input.slot, in: output.slot, at: start)
      } else {
        var from = input
        from.offset += slice.lowerBound * area
        copies.append((from, start, count))
      }
      start += count
    }
    let batch = batch
    append(node.index, "concatenation", reads: inputs, writes: [output]) { memory in
      for copy in copies {
        for n in 0..<batch {
          Vector.copy(
            memory.pointer(copy.from) + n * copy.from.imageStride,
            to: memory.pointer(output) + n * output.imageStride + copy.offset, count: copy.count)
        }
      }
    }
    return true
  }

  /// Whether a place is all of a slot that is no part of another yet.
  private func isWholeSlot(_ place: Place, floats: Int) -> Bool {
    place.offset == 0 && storage.isFree(place.slot)
      && storage.count(of: place.slot) == (floats + 15) / 16 * 16
  }

  /// Whether, besides, no other layer's place is in it.
  private func isOwnSlot(_ place: Place, floats: Int) -> Bool {
    isWholeSlot(place, floats: floats) && !storage.hasParts(place.slot)
      && places.values.count { $0.slot == place.slot } == 1
  }

  /// A sum on blocks; false for weighted, sampled or planar ones.
  private mutating func addResidual(_ node: Network.Node, _ layer: any ResidualLayer) -> Bool {
    guard let terms = layer.residuals, !layer.activation.mixesChannels,
      isBlocked(layer.sources[0])
    else { return false }
    let input = need(layer.sources[0], .blocked)
    let others = terms.map {
      need($0.source, .blocked, isWhole: false, channels: $0.channels)
    }
    let first = source(layer.sources[0])
    // The sum may take its first term's place if that is not needed any more.
    let isLast =
      lastReader[layer.sources[0]] <= node.index && lastReader[first] <= node.index
      && !terms.contains { source($0.source) == first }
    let output: Place
    let count = batch * floats(node.index, .blocked)
    if isLast, isOwnSlot(input, floats: count) {
      places[Key(layer: first, form: .blocked)] = nil
      places[Key(layer: node.index, form: .blocked)] = input
      output = input
    } else {
      output = makePlace(node.index, .blocked)
    }
    let (batch, shape) = (batch, node.outputShape)
    let activation = layer.activation
    append(node.index, "sum", reads: [input] + others, writes: [output]) { memory in
      let (x, y) = (memory.pointer(input), memory.pointer(output))
      if x != y { Vector.copy(x, to: y, count: count) }
      for (number, (term, other)) in zip(terms, others).enumerated() {
        ChannelBlocks.add(
          memory.pointer(other), imageStride: other.imageStride, channels: term.channels, to: y,
          batch: batch, channels: shape.channels, area: shape.area,
          activation: number == terms.count - 1 ? activation : .linear)
      }
    }
    return true
  }

  // MARK: Everything else

  /// A layer's own rule, on planes.
  private mutating func addPlain(_ node: Network.Node) {
    let inputs = node.layer.sources.enumerated().map { number, source in
      let channels = network.shape(of: source).channels
      return need(
        source, .planar, channels: node.layer.channelsRead(ofSource: number, channels: channels))
    }
    let output = makePlace(node.index, .planar)
    let step: any PlainStep
    if let layer = node.layer as? ConvolutionalLayer, layer.isPlain {
      step = FoldedConvolution(layer, parameters.pointers(node.index))
    } else {
      step = LayerStep(node: node, parameters: parameters, state: states[node.index])
    }
    let shapes = node.layer.sources.map { network.shape(of: $0) }
    let (batch, shape, timeSteps) = (batch, node.outputShape, network.net.timeSteps)
    append(
      node.index, "plain", workspace: step.workspaceCount(batch: batch), reads: inputs,
      writes: [output]
    ) { memory in
      step.run(
        inputs: zip(inputs, shapes).map {
          TensorView(memory.pointer($0), batch: batch, shape: $1)
        }, output: TensorView(memory.pointer(output), batch: batch, shape: shape),
        timeSteps: timeSteps, workspace: memory.workspace)
    }
  }
}
