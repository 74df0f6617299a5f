import DarknetText

extension Network {
  /// Pictures are read as RGB or grey.
  ///
  /// - Throws: `ConfigError` at the option if the network's input is something else.
  package func requirePictureInput() throws(ConfigError) {
    let channels = inputShape.channels
    guard net.width * net.height * net.channels == 0 || (channels != 1 && channels != 3) else {
      return
    }
    let section = config.sections.first
    let isVector = net.width * net.height * net.channels == 0
    throw ConfigError(
      file: file,
      line: section.map { section in
        section.options.last { $0.key == (isVector ? "inputs" : "channels") }?.line ?? section.line
      },
      section: section?.name, option: isVector ? nil : "channels",
      expected: isVector
        ? "width=, height= and channels= of pictures" : "3 for RGB or 1 for grey pictures",
      found: isVector ? "a network of \(inputShape.count) values" : "\(channels)",
      fix: "pictures have no others; 'dump' runs a network on raw values")
  }
}
