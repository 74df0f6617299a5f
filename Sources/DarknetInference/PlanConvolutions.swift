import DarknetKernels
import DarknetLayers
import DarknetNetwork
import DarknetTensors

extension PlanBuilder {
  /// A convolution with the shortcut and the pooling behind it, if nobody else needs the maps in
  /// between.
  mutating func addConvolution(_ node: Network.Node, _ layer: ConvolutionalLayer) {
    if let deep = depthwiseBehind(node.index, layer) {
      addExpanded(node, layer, deep)
      return
    }
    let values = parameters.pointers(node.index)
    let folded = FoldedBatchNorm(layer, values)
    var finish = PackedConvolution.Finish(layer.activation)
    var last = node.index
    var residual: Place?
    let algorithm = PackedConvolution.choice(layer.geometry)
    if algorithm != .im2col, let next = residualBehind(node.index),
      let r = next.layer as? any ResidualLayer, let term = r.singleResidual,
      !r.activation.mixesChannels
    {
      residual = need(term.source, .blocked, isWhole: false, channels: term.channels)
      finish.residualChannels = term.channels
      finish.secondActivation = r.activation
      last = next.index
    }
    var pooledLayer: Int?
    if last + 1 < network.nodes.count, let pool = network.nodes[last + 1].layer as? MaxPoolLayer,
      pool.isHalving, source(pool.sources[0]) == last,
      PackedConvolution.canPool(layer.geometry)
    {
      finish.pools = true
      pooledLayer = last + 1
    }
    let averagedLayer = algorithm == .depthwise ? averageBehind(last) : nil
    let packed = withExtendedLifetime(folded) {
      PackedConvolution(
        layer.geometry, weights: values[layer.weightsIndex], scales: folded.scales?.pointer,
        bias: folded.biases.pointer, finish: finish)
    }
    let scale = scaled[layer.sources[0]]
    let factors = scale.map { need($0.factors, .blocked) }
    let input = need(
      scale?.map ?? layer.sources[0], packed.inputLayout == .planar ? .planar : .blocked,
      isWhole: false)
    let end = pooledLayer ?? averagedLayer ?? last
    for index in node.index...end { done.insert(index) }
    // With pooling the whole map is written only if somebody behind the pool reads it.
    let isWanted = pooledLayer.map { lastReader[last] > $0 } ?? true
    let form: Form = packed.outputLayout == .planar ? .planar : .blocked
    let output = isWanted ? makePlace(last, form) : nil
    let pooled = pooledLayer.map { makePlace($0, .blocked) }
    let averages = averagedLayer.map { makePlace($0, .blocked) }
    let (batch, threadPool) = (batch, threadPool)
    let what =
      (factors == nil ? "" : "scaled ") + packed.algorithm.rawValue
      + (residual == nil ? "" : " + residual") + (pooled == nil ? "" : " + pool")
      + (averages == nil ? "" : " + average")
    append(
      end, what,
      workspace: packed.workspaceCount(
        batch: batch, threads: threadPool.threads,
        joins: factors != nil || averages != nil),
      reads: [input, factors, residual].compactMap { $0 },
      writes: [output, pooled, averages].compactMap { $0 }
    ) { memory in
      packed.run(
        input: memory.pointer(input), inputStride: input.imageStride,
        residual: residual.map(memory.map),
        output: output.map(memory.map), pooled: pooled.map(memory.map),
        factors: factors.map(memory.map),
        averages: averages.map(memory.map), batch: batch, workspace: memory.workspace,
        pool: threadPool)
    }
  }

  /// The layer behind `index`, if it is the average over its whole map.
  private func averageBehind(_ index: Int) -> Int? {
    guard index + 1 < network.nodes.count, network.nodes[index + 1].layer is AveragePoolLayer,
      network.nodes[index + 1].layer.sources == [index]
    else { return nil }
    return index + 1
  }

  /// The depthwise convolution behind a 1x1 convolution, if nobody else reads the map between and
  /// nothing else is to be joined to either.
  private func depthwiseBehind(_ index: Int, _ layer: ConvolutionalLayer) -> ConvolutionalLayer? {
    guard index + 1 < network.nodes.count, lastReader[index] == index + 1,
      scaled[layer.sources[0]] == nil,
      let deep = network.nodes[index + 1].layer as? ConvolutionalLayer, deep.canPack,
      deep.sources == [index], ExpandedDepthwise.can(layer.geometry, deep.geometry),
      residualBehind(index + 1) == nil
    else { return nil }
    return deep
  }

  /// A 1x1 convolution, the depthwise one behind it, and the average over that one's map.
  private mutating func addExpanded(
    _ node: Network.Node, _ layer: ConvolutionalLayer, _ deep: ConvolutionalLayer
  ) {
    let deepIndex = node.index + 1
    func part(
      _ layer: ConvolutionalLayer, _ values: [UnsafeMutablePointer<Float>],
      _ folded: FoldedBatchNorm
    ) -> ExpandedDepthwise.Part {
      ExpandedDepthwise.Part(
        layer.geometry, weights: values[layer.weightsIndex], scales: folded.scales?.pointer,
        bias: folded.biases.pointer, activation: layer.activation)
    }
    let (wideValues, deepValues) = (
      parameters.pointers(node.index), parameters.pointers(deepIndex)
    )
    let wideFold = FoldedBatchNorm(layer, wideValues)
    let deepFold = FoldedBatchNorm(deep, deepValues)
    let joined = withExtendedLifetime((wideFold, deepFold)) {
      ExpandedDepthwise(part(layer, wideValues, wideFold), part(deep, deepValues, deepFold))
    }
    let input = need(layer.sources[0], .blocked, isWhole: false)
    let averagedLayer = averageBehind(deepIndex)
    done.formUnion([deepIndex, averagedLayer ?? deepIndex])
    let output = makePlace(deepIndex, .blocked)
    let averages = averagedLayer.map { makePlace($0, .blocked) }
    let (batch, threadPool) = (batch, threadPool)
    append(
      averagedLayer ?? deepIndex,
      "pointwise + depthwise" + (averages == nil ? "" : " + average"),
      workspace: joined.workspaceCount(batch: batch, threads: threadPool.threads),
      reads: [input], writes: [output, averages].compactMap { $0 }
    ) { memory in
      joined.run(
        input: memory.pointer(input), inputStride: input.imageStride, output: memory.map(output),
        averages: averages.map(memory.map), batch: batch, workspace: memory.workspace,
        pool: threadPool)
    }
  }

  /// The layer behind `index` (and behind layers that hand its output on), if it adds to that
  /// layer's output and nobody else reads that.
  private func residualBehind(_ index: Int) -> Network.Node? {
    var at = index
    while at + 1 < network.nodes.count, !kept.contains(at) {
      let next = network.nodes[at + 1]
      if next.layer.isIdentityAtInference, next.layer.sources == [at] {
        at += 1
        continue
      }
      guard lastReader[index] == next.index, let residual = next.layer as? any ResidualLayer,
        residual.sources.first == at,
        !residual.sources.dropFirst().contains(where: { (index...at).contains($0) })
      else { return nil }
      return next
    }
    return nil
  }
}

extension PlanMemory {
  fileprivate func map(_ place: PlanStorage.Place) -> PackedConvolution.Map {
    PackedConvolution.Map(pointer(place), imageStride: place.imageStride)
  }
}
