// swift-tools-version: 6.1
import PackageDescription

let swift6: [SwiftSetting] = [.swiftLanguageMode(.v6)]

/// A Swift module of the library: its name and the modules that it may know.
func module(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: swift6)
}

/// The tests of one module; `DarknetTestSupport` is shared by all.
func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(
    name: name, dependencies: dependencies + ["DarknetTestSupport"], swiftSettings: swift6)
}

let package = Package(
  name: "prn-darknet",
  products: [
    .library(name: "Darknet", targets: ["Darknet"]),
    .executable(name: "prn-darknet", targets: ["prn-darknet"]),
    // For developers: `make build` and `make install` leave it out.
    .executable(name: "darknet-replay", targets: ["darknet-replay"]),
  ],
  targets: [
    // C libraries of the system, found by pkg-config.
    .systemLibrary(
      name: "CBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(name: "CJPEG", pkgConfig: "libjpeg", providers: [.apt(["libjpeg-dev"])]),
    .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),

    // C of our own: what Swift cannot do (longjmp, run-time choice of instruction sets,
    // handlers of signals).
    .target(name: "CKernels"),
    .target(name: "CMappedFiles"),
    .target(name: "CImageCodecs", dependencies: ["CJPEG", "CPNG"]),

    // The library, lowest module first; arrows point up this list only.
    module("DarknetSystem", ["CMappedFiles"]),
    module("DarknetText", ["DarknetSystem"]),
    module("DarknetTensors", ["DarknetSystem"]),
    module("DarknetGeometry"),
    module("DarknetConfig", ["DarknetSystem", "DarknetText"]),
    module("DarknetGraph", ["DarknetTensors"]),
    module(
      "DarknetKernels",
      ["DarknetSystem", "DarknetTensors", "DarknetGraph", "CBLAS", "CKernels"]),
    module(
      "DarknetLayers",
      [
        "DarknetConfig", "DarknetGeometry", "DarknetGraph", "DarknetKernels", "DarknetSystem",
        "DarknetTensors", "DarknetText",
      ]),
    module("DarknetNetwork", ["DarknetLayers"]),
    module("DarknetTranscript", ["DarknetNetwork"]),
    module("DarknetAnalysis", ["DarknetNetwork"]),
    module("DarknetInference", ["DarknetNetwork"]),
    module(
      "DarknetImages",
      ["DarknetGeometry", "DarknetSystem", "DarknetTensors", "DarknetText", "CImageCodecs"]),
    module("DarknetData", ["DarknetConfig", "DarknetImages"]),
    module("DarknetTraining", ["DarknetNetwork", "DarknetData"]),
    module("DarknetEvaluation", ["DarknetGeometry", "DarknetText"]),
    module(
      "DarknetPipeline",
      ["DarknetInference", "DarknetData", "DarknetTraining", "DarknetEvaluation"]),
    module("Darknet", ["DarknetPipeline", "DarknetAnalysis"]),
    module("DarknetCommandLine", ["Darknet"]),
    .executableTarget(
      name: "prn-darknet", dependencies: ["Darknet", "DarknetCommandLine", "DarknetTranscript"],
      swiftSettings: swift6),
    .executableTarget(
      name: "darknet-replay", dependencies: ["Darknet", "DarknetCommandLine"],
      swiftSettings: swift6),

    .target(
      name: "DarknetTestSupport", dependencies: ["Darknet", "DarknetTranscript"],
      path: "Tests/DarknetTestSupport", swiftSettings: swift6),
    tests("DarknetSystemTests", ["DarknetSystem"]),
    tests("DarknetTextTests", ["DarknetText"]),
    tests("DarknetConfigTests", ["DarknetConfig"]),
    tests("DarknetGeometryTests", ["DarknetGeometry"]),
    tests("DarknetGraphTests", ["DarknetGraph", "DarknetTensors"]),
    tests("DarknetKernelsTests", ["DarknetKernels"]),
    tests(
      "DarknetLayersTests",
      ["DarknetLayers", "DarknetNetwork", "DarknetTraining", "DarknetTranscript"]),
    tests("DarknetNetworkTests", ["Darknet", "DarknetTranscript"]),
    tests("DarknetAnalysisTests", ["Darknet", "DarknetTranscript"]),
    tests("DarknetInferenceTests", ["Darknet"]),
    tests("DarknetImagesTests", ["DarknetImages"]),
    tests("DarknetDataTests", ["DarknetData"]),
    tests("DarknetTrainingTests", ["DarknetTraining"]),
    tests("DarknetEvaluationTests", ["DarknetEvaluation"]),
    tests("DarknetPipelineTests", ["Darknet"]),
    tests("SourceTests", []),
    tests("GoldenTests", ["Darknet"]),
    tests("CommandLineTests", ["Darknet", "DarknetCommandLine"]),
  ]
)
