/// Something that Darknet prints while it reads a section, as a fact; whoever runs the program decides
/// whether it is shown, and makes the text.
package enum ReadingEvent: Hashable, Sendable {
  /// The cfg does not have the option `key`, so this value is taken.
  case defaultTaken(key: String, value: DefaultValue)
  /// Nobody asked for the option.
  case unused(ConfigFile.Option)

  /// A blur follows the layer (`antialiasing`).
  case antialiased
  /// `[reorg]` has the order of channels of YOLO v2.
  case oldReorganization
  /// Classes whose objects weigh more or less (`counters_per_class`).
  case classWeights([Float])
  /// Overlapping boxes are suppressed by another rule than the default's, which has this number.
  case suppression(name: String, number: Int, beta: Float)

  package enum DefaultValue: Hashable, Sendable {
    case int(Int)
    case float(Float)
    case word(String)
  }
}
