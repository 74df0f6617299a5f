import DarknetConfig
import DarknetText

/// What a head's section of a cfg says about classes and anchors, read without building the layer:
/// for messages about several heads at once.
public struct HeadSection: Sendable {
  public let name: String
  /// Of the section's name.
  public let line: Int
  public let classes: Int
  /// `num=`.
  public let anchorCount: Int
  /// `mask=`, or all anchors.
  public let mask: [Int]
  /// Numbers in `anchors=`, two for each anchor, and their line; nil without the option.
  public let anchorNumbers: (count: Int, line: Int)?

  /// nil if the section is not one of a head with anchors.
  public init?(_ section: ConfigFile.Section) {
    guard ["yolo", "Gaussian_yolo", "region"].contains(section.name) else { return nil }
    func option(_ key: String) -> ConfigFile.Option? { section.options.first { $0.key == key } }
    func int(_ key: String, default fallback: Int) -> Int {
      option(key)?.value.flatMap { Number.int($0) } ?? fallback
    }
    func items(_ option: ConfigFile.Option?) -> [Substring]? {
      option?.value?.split(separator: ",", omittingEmptySubsequences: true)
    }
    name = section.name
    line = section.line
    classes = int("classes", default: 20)
    let count = int("num", default: 1)
    anchorCount = count
    let all = Array(0..<max(0, min(count, 65_536)))
    mask =
      section.name == "region"
      ? all : items(option("mask"))?.compactMap { Number.int(String($0)) } ?? all
    let anchors = option("anchors")
    anchorNumbers = items(anchors).map { ($0.count, anchors?.line ?? section.line) }
  }

  /// Channels that the layer before the head must have.
  public var inputChannels: Int { mask.count * (classes + (name == "Gaussian_yolo" ? 9 : 5)) }
}
