/// A small network and the steps that its plan should have.
struct Snippet: Sendable, CustomStringConvertible {
  let name: String
  let cfg: String
  let steps: [String]
  var description: String { name }

  init(_ name: String, width: Int = 24, _ sections: [String], steps: [String]) {
    self.name = name
    self.steps = steps
    let net = "[net]\nbatch=1\nwidth=\(width)\nheight=24\nchannels=3\n"
    cfg = net + sections.joined(separator: "\n") + "\n"
  }
}

private func convolution(
  _ filters: Int, size: Int = 1, stride: Int = 1, groups: Int = 1, _ activation: String = "leaky"
) -> String {
  """
  [convolutional]
  batch_normalize=1
  filters=\(filters)
  size=\(size)
  stride=\(stride)
  groups=\(groups)
  pad=1
  activation=\(activation)
  """
}

enum Snippets {
  /// EfficientNet's block, with channels that fill no whole block of 16.
  static let squeeze = Snippet(
    "squeeze and excitation",
    [
      convolution(20, size: 3, "swish"), convolution(24, "swish"),
      convolution(24, size: 3, stride: 2, groups: 24, "swish"), "[avgpool]",
      convolution(6, "swish"), convolution(24, "logistic"), "[scale_channels]\nfrom=-4",
      convolution(40, "linear"), convolution(40, size: 5, groups: 40), "[dropout]",
      "[shortcut]\nfrom=-3\nactivation=linear",
    ],
    steps: [
      "planar", "pointwise + depthwise + average", "pointwise", "pointwise", "scaled pointwise",
      "depthwise + residual", "blocks to planes",
    ])

  static let all: [Snippet] = [
    squeeze,
    Snippet(
      "wide maps in bands", width: 600,
      [
        convolution(20, size: 3), convolution(70, "swish"),
        convolution(70, size: 3, stride: 2, groups: 70, "swish"), convolution(40, "relu"),
        convolution(40, size: 5, groups: 40, "linear"), "[avgpool]", convolution(24),
      ],
      steps: [
        "planar", "pointwise + depthwise", "pointwise + depthwise + average", "pointwise",
        "blocks to planes",
      ]),
    Snippet(
      "a depthwise convolution of a map with two readers",
      [
        convolution(20, size: 3), convolution(30), convolution(30, size: 3, groups: 30, "mish"),
        "[shortcut]\nfrom=-2\nactivation=linear",
      ],
      steps: ["planar", "pointwise", "depthwise + residual", "blocks to planes"]),
    Snippet(
      "factors with more than one reader",
      [
        convolution(40, size: 3), "[avgpool]", convolution(40, "logistic"),
        "[scale_channels]\nfrom=-3\nactivation=relu", convolution(16), "[route]\nlayers=-1,-2",
        convolution(8),
      ],
      steps: [
        "planar", "average", "pointwise", "scale", "pointwise", "concatenation", "pointwise",
        "blocks to planes",
      ]),
    Snippet(
      "scaled map at the end",
      [convolution(17, size: 3), "[avgpool]", convolution(17), "[scale_channels]\nfrom=-3"],
      steps: ["planar", "average", "pointwise", "scale", "blocks to planes"]),
    Snippet(
      "averages of a map that is no square", width: 20,
      [convolution(16, size: 3), "[avgpool]", convolution(5)],
      steps: [
        "planar", "blocks to planes", "plain", "planes to blocks", "pointwise", "blocks to planes",
      ]),
    Snippet(
      "local averages at odd edges",
      [
        convolution(24, size: 3, stride: 3), convolution(40),
        "[local_avgpool]\nsize=3\nstride=2", convolution(9),
      ],
      steps: ["planar", "pointwise", "average", "pointwise", "blocks to planes"]),
    Snippet(
      "concatenations within concatenations",
      [
        convolution(16, size: 3), convolution(32), convolution(16, size: 3),
        "[route]\nlayers=-1,-3",
        convolution(32), convolution(16, size: 3), "[route]\nlayers=-1,-3",
        "[route]\nlayers=-1\ngroups=3\ngroup_id=1", convolution(16), "[route]\nlayers=-1,-3",
        "[shortcut]\nfrom=-4\nactivation=leaky", convolution(10),
      ],
      steps: [
        "planar", "pointwise", "winograd strips", "concatenation", "pointwise", "winograd strips",
        "concatenation", "pointwise", "concatenation", "sum", "pointwise", "blocks to planes",
      ]),
    Snippet(
      "pooling and partial shortcuts",
      [
        convolution(32, size: 3), "[maxpool]\nsize=2\nstride=2", convolution(32, size: 3),
        "[partial_shortcut]\nfrom=-2\nchannels=20\nactivation=leaky", convolution(48, size: 3),
        "[partial_shortcut]\nfrom=-2\nchannels=32\nactivation=linear", "[upsample]\nstride=2",
        convolution(7, size: 3, stride: 2),
      ],
      steps: [
        "planar + pool", "winograd strips + residual", "winograd strips + residual", "upsample",
        "direct", "blocks to planes",
      ]),
  ]
}
