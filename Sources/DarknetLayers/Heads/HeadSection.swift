import DarknetConfig
import DarknetText

/// What a head's section of a cfg says about classes and anchors, read without building the layer:
/// for messages about several heads at once.
package struct HeadSection: Sendable {
  package let name: String
  /// Of the section's name.
  package let line: Int
  package let classes: Int
  /// `num=`.
  package let anchorCount: Int
  /// `mask=`, or all anchors.
  package let mask: [Int]
  /// Numbers in `anchors=`, two for each anchor, and their line; nil without the option.
  package let anchorNumbers: (count: Int, line: Int)?

  /// nil if the section is not one of a head with anchors.
  package init?(_ section: ConfigFile.Section) {
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
  package var inputChannels: Int { mask.count * (classes + (name == "Gaussian_yolo" ? 9 : 5)) }
}
