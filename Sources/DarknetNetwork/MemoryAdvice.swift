extension Network {
  /// What to do when the network does not fit in memory: first what changes nothing else.
  package var memoryAdvice: String {
    let smaller = "use a smaller input (width= and height= of [net])"
    let images = net.miniBatch
    guard images > 1, builder.batch == nil else { return "\(smaller) or fewer filters" }
    let enough = net.subdivisions * 2
    let line = config.sections.first.map { section in
      section.options.first { $0.key == "subdivisions" }?.line ?? section.line
    }
    return
      "raise subdivisions= (\(file):\(line ?? 1)), to \(enough) for instance, which needs half the "
      + "memory for the same images per update: \(images) are in memory at once now; or \(smaller)"
  }
}
