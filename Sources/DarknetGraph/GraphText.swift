extension Graph {
  /// A line an operator: what it computes, from what, into what, for which layers.
  package var text: String {
    func name(_ id: ValueID) -> String {
      let value = values[id]
      let type = value.type == .float32 ? "" : " \(value.type.rawValue)"
      return (id == Graph.input ? "input" : "v\(id)") + "[\(value.shape)\(type)"
        + (value.layout == .nchw ? "]" : " \(value.layout.rawValue)]")
    }
    return operators.map { step in
      let reads = step.operands.map { operand -> String in
        let isWhole = operand.channels == 0..<values[operand.value].shape.channels
        let part =
          isWhole ? "" : " channels \(operand.channels.lowerBound)..<\(operand.channels.upperBound)"
        let role = operand.role == .map ? "" : "\(operand.role) "
        return role + name(operand.value) + part
      }
      let writes = step.results.map { ($0.role == .map ? "" : "\($0.role) ") + name($0.value) }
      let layers =
        step.layers.count == 1
        ? "layer \(step.layers.lowerBound)"
        : "layers \(step.layers.lowerBound)...\(step.layers.upperBound)"
      let how = step.implementation.map { " by \($0)" } ?? ""
      return writes.joined(separator: ", ") + " = " + step.operation.text
        + "(\(reads.joined(separator: ", ")))\(how)  # \(layers)\n"
    }.joined()
  }
}

extension Graph.Operation {
  /// With what was fused to it.
  var text: String {
    switch self {
    case .convolution(let c): c.text
    case .pointwiseDepthwise(let a, let b): "\(a.text) then \(b.text)"
    case .product(let outputs, _): "product \(outputs)"
    case .activate(let activation): activation.cfgName
    case .maximum(let pool), .average(let pool):
      "\(name) \(pool.size)x\(pool.size)/\(pool.strideX)"
    case .add(let activation), .multiply(let activation):
      name + (activation == .linear ? "" : " + \(activation.cfgName)")
    case .upsample(let factor, _): "upsample \(factor)"
    case .convert(let layout): "convert to \(layout.rawValue)"
    default: name
    }
  }
}

extension Graph.ConvolutionAttributes {
  /// With its epilogue.
  var text: String {
    let g = geometry
    var parts = [
      "convolution \(g.filters) \(g.size)x\(g.size)/\(g.strideX)"
        + (g.groups > 1 ? " groups \(g.groups)" : "")
    ]
    if epilogue.normalization != nil { parts.append("normalize") }
    if epilogue.bias != nil { parts.append("bias") }
    if epilogue.activation != .linear { parts.append(epilogue.activation.cfgName) }
    if epilogue.residualChannels > 0 { parts.append("residual") }
    if epilogue.secondActivation != .linear { parts.append(epilogue.secondActivation.cfgName) }
    return parts.joined(separator: " + ")
  }
}
