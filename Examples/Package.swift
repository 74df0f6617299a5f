// swift-tools-version: 6.1
import PackageDescription

/// A small program that uses the library.
func example(_ name: String) -> Target {
  .executableTarget(
    name: name, dependencies: [.product(name: "Darknet", package: "prn-darknet")],
    swiftSettings: [.swiftLanguageMode(.v6)])
}

let package = Package(
  name: "Examples",
  dependencies: [.package(name: "prn-darknet", path: "..")],
  targets: ["detect", "frames", "classify", "train", "evaluate"].map(example)
)
