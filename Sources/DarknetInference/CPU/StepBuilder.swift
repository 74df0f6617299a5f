import DarknetGraph
import DarknetKernels
import DarknetNetwork
import DarknetTensors

/// Turns the operators of a graph, whose values have their places, into steps: packs weights and
/// names the kernels that run.
struct StepBuilder {
  typealias Place = PlanStorage.Place

  let network: Network
  let parameters: Parameters
  let graph: Graph
  let memory: ReuseMemory
  let batch: Int
  let states: [FloatBuffer]
  /// Who computes.
  let context: ComputeContext
  /// Called when a layer's parameters have been packed and are not looked at again.
  let afterPacking: () -> Void

  func build() -> [PlanStep] {
    var steps: [PlanStep] = []
    for (index, step) in graph.operators.enumerated() {
      if let built = build(step, at: index) { steps.append(built) }
      afterPacking()
    }
    return steps
  }

  /// nil for views, which nobody computes.
  private func build(_ step: Graph.Operator, at index: Int) -> PlanStep? {
    let inputs = step.operands.map { memory.place(of: $0) }
    let outputs = step.results.map { memory.places[$0.value]! }
    switch step.operation {
    case .convolution where step.implementation == ChooseAlgorithm.plain:
      return plain(step, inputs, outputs[0])
    case .convolution: return convolution(step)
    case .pointwiseDepthwise(let expand, let depthwise):
      return pointwiseDepthwise(step, expand, depthwise)
    case .maximum(let pool): return reduce(step, pool, .maximum, inputs[0], outputs[0])
    case .average(let pool): return reduce(step, pool, .average, inputs[0], outputs[0])
    case .averageMap:
      let side = shape(step.operands[0]).height
      let whole = PoolGeometry(
        height: side, width: side, size: side, strideX: 1, strideY: 1, padding: 0)
      return reduce(step, whole, .average, inputs[0], outputs[0])
    case .multiply(let activation): return scale(step, activation, inputs, outputs[0])
    case .upsample(let factor, let scale):
      return upsample(step, factor, scale, inputs[0], outputs[0])
    case .add(let activation): return sum(step, activation, inputs, outputs[0])
    case .concatenate, .slice: return concatenation(step, memory.copies[index], outputs[0])
    case .convert(let layout): return conversion(step, to: layout, inputs[0], outputs[0])
    case .opaque: return plain(step, inputs, outputs[0])
    case .product, .normalize, .bias, .activate:
      preconditionFailure("\(step.operation.name) has no kernel; its layer should be opaque")
    }
  }

  /// Of what an operand's value holds.
  func shape(_ operand: Graph.Operand) -> Shape { graph.values[operand.value].shape }

  func shape(_ result: Graph.Result) -> Shape { graph.values[result.value].shape }

  /// A step named for tables and tests.
  func step(
    _ step: Graph.Operator, _ what: String, workspace: Int = 0,
    _ run: @escaping (PlanMemory) -> Void
  ) -> PlanStep {
    PlanStep(
      layer: step.layers.upperBound, what: what,
      workspaceBytes: workspace * MemoryLayout<Float>.stride, run: run)
  }

  // MARK: Maps in blocks

  private func reduce(
    _ op: Graph.Operator, _ window: PoolGeometry, _ reduction: ChannelBlocks.Reduction,
    _ input: Place, _ output: Place
  ) -> PlanStep {
    let (batch, channels, context) = (batch, shape(op.results[0]).channels, context)
    return step(op, reduction == .maximum ? "pool" : "average") { memory in
      ChannelBlocks.reduce(
        window, reduction, memory.floats(input), batch: batch, channels: channels,
        output: memory.floats(output), context: context)
    }
  }

  private func scale(
    _ op: Graph.Operator, _ activation: Activation, _ inputs: [Place], _ output: Place
  ) -> PlanStep {
    let (batch, shape) = (batch, shape(op.results[0]))
    let (factors, map, context) = (inputs[0], inputs[1], context)
    return step(op, "scale") { memory in
      ChannelBlocks.scale(
        memory.floats(map), by: memory.floats(factors), batch: batch, channels: shape.channels,
        area: shape.area, activation: activation, output: memory.floats(output),
        context: context)
    }
  }

  private func upsample(
    _ op: Graph.Operator, _ factor: Int, _ scale: Float, _ input: Place, _ output: Place
  ) -> PlanStep {
    let (batch, shape, context) = (batch, shape(op.operands[0]), context)
    return step(op, "upsample") { memory in
      ChannelBlocks.upsample(
        memory.floats(input), batch: batch, channels: shape.channels, height: shape.height,
        width: shape.width, stride: factor, scale: scale, output: memory.floats(output),
        context: context)
    }
  }

  private func concatenation(
    _ op: Graph.Operator, _ copies: [ReuseMemory.Copy]?, _ output: Place
  ) -> PlanStep? {
    guard let copies else { return nil }
    let batch = batch
    return step(op, "concatenation") { memory in
      for copy in copies {
        let (from, to) = (
          memory.arena + memory.storage.offset(of: copy.from),
          memory.arena + memory.storage.offset(of: output) + copy.offset
        )
        for n in 0..<batch {
          (to + n * output.imageStride).copyMemory(
            from: from + n * copy.from.imageStride, byteCount: copy.count)
        }
      }
    }
  }

  private func sum(
    _ op: Graph.Operator, _ activation: Activation, _ inputs: [Place], _ output: Place
  ) -> PlanStep {
    let (batch, shape) = (batch, shape(op.results[0]))
    let count = batch * output.imageStride / MemoryLayout<Float>.stride
    let terms = zip(inputs, op.operands).dropFirst().map {
      (place: $0, channels: $1.channels.count)
    }
    let (first, context) = (inputs[0], context)
    return step(op, "sum") { memory in
      let (x, y) = (memory.floats(first), memory.floats(output))
      if x != y { Vector.copy(x, to: y, count: count) }
      for (number, term) in terms.enumerated() {
        ChannelBlocks.add(
          memory.floats(term.place), imageStride: term.place.floatStride,
          channels: term.channels, to: y, batch: batch, channels: shape.channels,
          area: shape.area, activation: number == terms.count - 1 ? activation : .linear,
          context: context)
      }
    }
  }

  private func conversion(
    _ op: Graph.Operator, to layout: Graph.Layout, _ input: Place, _ output: Place
  ) -> PlanStep {
    let (batch, shape, context) = (batch, shape(op.operands[0]), context)
    return step(op, layout == .nchw ? "blocks to planes" : "planes to blocks") { memory in
      let (x, y) = (memory.floats(input), memory.floats(output))
      for n in 0..<batch {
        let (from, to) = (x + n * input.floatStride, y + n * output.floatStride)
        if layout == .nchw {
          ChannelBlocks.unpack(
            from, batch: 1, channels: shape.channels, area: shape.area, into: to,
            context: context)
        } else {
          ChannelBlocks.pack(
            from, batch: 1, channels: shape.channels, area: shape.area, into: to,
            context: context)
        }
      }
    }
  }

  // MARK: Maps in planes

  /// A layer's own rule, or a convolution by im2col with its batch norm folded.
  private func plain(_ op: Graph.Operator, _ inputs: [Place], _ output: Place) -> PlanStep {
    let plain: any PlainStep
    if case .convolution(let convolution) = op.operation {
      plain = FoldedConvolution(convolution, parameters)
    } else {
      let layer = op.layers.lowerBound
      plain = LayerStep(
        node: network.nodes[layer], parameters: parameters, state: states[layer])
    }
    let (batch, timeSteps, context) = (batch, network.net.timeSteps, context)
    let (shapes, outputShape) = (op.operands.map { shape($0) }, shape(op.results[0]))
    return step(op, "plain", workspace: plain.workspaceCount(batch: batch, context)) { memory in
      plain.run(
        inputs: zip(inputs, shapes).map {
          TensorView(memory.floats($0), batch: batch, shape: $1)
        }, output: TensorView(memory.floats(output), batch: batch, shape: outputShape),
        timeSteps: timeSteps, workspace: memory.floatWorkspace, context: context)
    }
  }
}

extension PlanStorage.Place {
  /// Float32 values from an image to the next.
  var floatStride: Int { imageStride / MemoryLayout<Float>.stride }
}
