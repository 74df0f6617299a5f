import Darknet
import DarknetTestSupport
import Foundation
import Testing

/// What is said about lines of a cfg that have no effect, or not the one that was meant.
@Suite struct ConfigNotesTests {
  private static let size = "width=32\nheight=32\nchannels=3\n"

  private func build(
    _ net: String, _ layers: String = "[convolutional]\n", dialect: Dialect = .alexeyab
  ) throws -> Network {
    try NetworkBuilder(dialect: dialect).build(
      ConfigFile(text: "[net]\n\(Self.size)\(net)\n\(layers)".utf8, name: "x.cfg"))
  }

  private func error(_ net: String, _ layers: String) -> String {
    do {
      _ = try build(net, layers)
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  @Test func `misspelt, misplaced and doubled options, in [net] too`() throws {
    let network = try build(
      "batch=1\nlearning_rat=0.5\nburn_inn=100\nbatch=64\nrandom=1",
      """
      [convolutional]
      filter=18
      filters=18
      filters=21
      [yolo]
      num=3
      classes=1
      """)
    #expect(
      network.notes.map(\.description) == [
        "x.cfg:6: [net] learning_rat: 'learning_rat=0.5' is ignored: [net] has no such option; did "
          + "you mean 'learning_rate'?",
        "x.cfg:7: [net] burn_inn: 'burn_inn=100' is ignored: [net] has no such option; did you mean "
          + "'burn_in'?",
        "x.cfg:8: [net] batch: 'batch=64' is ignored: line 5 has 'batch=1', which is used; drop "
          + "one of the two",
        "x.cfg:9: [net] random: 'random=1' is ignored: [net] has no such option; it is one of [yolo]",
        "x.cfg:11: [convolutional] filter: 'filter=18' is ignored: [convolutional] has no such "
          + "option; did you mean 'filters'?",
        "x.cfg:13: [convolutional] filters: 'filters=21' is ignored: line 12 has 'filters=18', "
          + "which is used; drop one of the two",
      ])
    #expect(network.notes.allSatisfy { $0.isFault })
  }

  /// Options that Darknet's programs read and nothing here looks at, with a value that asks for
  /// something.
  @Test(arguments: [
    "unsupervised", "equidistant_point", "badlabels_rejection_percentage",
    "num_sigmas_reject_badlabels", "max_chart_loss", "show_receptive_field", "dynamic_minibatch",
    "use_cuda_graph", "loss_scale", "optimized_memory", "workspace_size_limit_MB", "attention",
    "adversarial_lr", "contrastive_jit_flip", "contrastive_color", "sequential_subdivisions",
    "seq_scales", "try_fix_nan",
  ])
  func `options of [net] without effect`(option: String) throws {
    let notes = try build("\(option)=7").notes
    #expect(notes.count == 1)
    #expect(
      "\(notes[0])".hasPrefix("x.cfg:5: [net] \(option): '\(option)=7' has no effect: "))
    #expect(notes[0].isFault == false)
  }

  @Test(arguments: [
    "track_history_size", "sim_thresh", "dets_for_track", "dets_for_show", "track_ciou_norm",
    "delta_normalizer",
  ])
  func `options of [yolo] without effect`(option: String) throws {
    let notes = try build(
      "", "[convolutional]\nfilters=6\n[yolo]\nnum=1\nclasses=1\n\(option)=7"
    ).notes
    #expect(notes.map(\.option) == [option])
    #expect("\(notes[0])".contains("'\(option)=7' has no effect: "))
  }

  @Test(arguments: [
    ("convolutional", "stream"), ("convolutional", "coordconv"), ("convolutional", "sway"),
    ("convolutional", "assisted_excitation"), ("convolutional", "cbn"),
    ("maxpool", "maxpool_zero_nonmax"), ("route", "wait_stream"), ("crop", "angle"),
    ("crop", "saturation"),
  ])
  func `options of layers without effect`(section: String, option: String) throws {
    let more = ["route": "layers=-1\n", "convolutional": "size=3\npad=1\n"][section] ?? ""
    let notes = try build("", "[convolutional]\n[\(section)]\n\(more)\(option)=7").notes
    #expect(notes.map(\.option) == [option])
    #expect(notes.map(\.kind) == [.withoutEffect])
  }

  /// Values that ask for nothing are no reason for a line: published cfgs have them.
  @Test func `what is switched off is not noted`() throws {
    let network = try build(
      "use_cuda_graph=0\nmax_chart_loss=20\nloss_scale=1\ndynamic_minibatch=0",
      "[convolutional]\nstream=0\nangle=15\n")
    #expect(network.notes.isEmpty)
  }

  @Test func `the cfgs of this project have nothing to note`() throws {
    let folder = ProjectFolder.root.appendingPathComponent("cfg")
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    let cfgs = names.filter { $0.hasSuffix(".cfg") }
    #expect(cfgs.count > 10)
    for name in cfgs {
      let text = try Data(contentsOf: folder.appendingPathComponent(name))
      let network = try NetworkBuilder().build(ConfigFile(text: text, name: name))
      #expect(network.notes.isEmpty, "\(network.notes.map(\.description))")
      #expect(network.scheduleNotes(isEndless: true).isEmpty)
    }
  }

  @Test(arguments: ["leaky # first", "leaky#first", "leaky ; x", "leaky // x"])
  func `remarks after words`(value: String) throws {
    let network = try build(
      "policy=steps # x\nsteps=1,2 # 3\nscales=.1,.1;",
      "[convolutional] # first\nactivation=\(value)")
    #expect((network.nodes[0].layer as? ConvolutionalLayer)?.activation == .leaky)
    #expect(network.net.schedule.steps == [1, 2])
  }

  // MARK: Sizes that do not meet

  @Test func `an input that is no multiple of the stride`() {
    let text = """
      [net]
      width=30
      height=32
      channels=1
      [maxpool]
      size=2
      stride=2
      [maxpool]
      size=2
      stride=2
      [upsample]
      [route]
      layers=-1,0
      """
    #expect {
      try NetworkBuilder().build(ConfigFile(text: text.utf8, name: "x.cfg"))
    } throws: {
      "\($0)" == "x.cfg:13: [route] layers: expected layers of one width and height, found layer 2 "
        + "of 16x16 and layer 0 of 15x16; make width= and height= of [net] multiples of 4: "
        + "width=28 or 32 instead of 30"
    }
  }

  @Test func `layers that differ by themselves keep the other advice`() {
    #expect(
      error("", "[convolutional]\n[maxpool]\nsize=2\nstride=2\n[route]\nlayers=-1,0")
        == "x.cfg:11: [route] layers: expected layers of one width and height, found layer 1 of "
        + "16x16 and layer 0 of 32x32; resize one first with [upsample] or [maxpool]")
  }

  @Test func `more sources than any network has are refused at once`() {
    let many = Array(repeating: "0", count: 200_000).joined(separator: ",")
    for (section, option) in [
      ("route", "layers"), ("shortcut", "from"), ("partial_shortcut", "from"),
    ] {
      #expect(
        error("", "[convolutional]\n[\(section)]\n\(option)=\(many)").hasSuffix(
          "[\(section)] \(option): expected at most 1024 layers, found 200000; join them in several "
            + "steps"))
    }
  }

  // MARK: Memory

  @Test func `too little memory names subdivisions first`() throws {
    let text = "[net]\nbatch=64\nsubdivisions=2\n\(Self.size)[convolutional]\nfilters=64\n"
    let config = try ConfigFile(text: text.utf8, name: "x.cfg")
    #expect {
      try NetworkBuilder(memoryLimit: 1 << 20).build(config)
    } throws: {
      "\($0)".hasSuffix(
        "; raise subdivisions= (x.cfg:3), to 4 for instance, which needs half the memory for the "
          + "same images per update: 32 are in memory at once now; or use a smaller input (width= "
          + "and height= of [net])")
    }
    #expect {
      try NetworkBuilder(batch: 32, memoryLimit: 1 << 20).build(config)
    } throws: {
      "\($0)".hasSuffix("; use a smaller input (width= and height= of [net]) or fewer filters")
    }
  }

  // MARK: The learning rate's schedule

  @Test(arguments: [
    (
      "max_batches=3\nburn_in=1000",
      "x.cfg:6: [net] burn_in: burn_in=1000 does not end before max_batches=3, so the rate stays at "
        + "8.1e-14 or below; lower burn_in= or raise max_batches="
    ),
    (
      "max_batches=6000\npolicy=steps\nsteps=4800,400000\nscales=.1,.1",
      "x.cfg:7: [net] steps: 400000 is beyond max_batches=6000, so the rate never falls there; usual "
        + "are 80 and 90 %, steps=4800,5400"
    ),
    (
      "max_batches=100\npolicy=steps\nsteps=80\nscales=.1,.1",
      "x.cfg:8: [net] scales: 2 scales for 1 step: the last 1 has no effect; drop it or add steps"
    ),
    (
      "max_batches=100\npolicy=steps\nsteps=80,40\nscales=.1,.1",
      "x.cfg:7: [net] steps: the steps do not rise, and one waits for those before it; put them in "
        + "order"
    ),
    (
      "max_batches=100\npolicy=steps\nsteps=80\nscales=0",
      "x.cfg:8: [net] scales: a scale of 0 ends the training at iteration 80: the rate is 0 from "
        + "there on; scales multiply, .1 divides by ten"
    ),
    (
      "max_batches=100\npolicy=step\nstep=200",
      "x.cfg:7: [net] step: step=200 is beyond max_batches=100, so the rate never changes; lower it"
    ),
    (
      "max_batches=100\nlearning_rate=0",
      "x.cfg:6: [net] learning_rate: learning_rate=0 trains nothing; set it above 0, for instance to "
        + "0.001"
    ),
    (
      "max_batches=100\npolicy=exp\ngamma=0",
      "x.cfg:6: [net] policy: the rate is 0 in every iteration, so nothing is trained; change its "
        + "options"
    ),
    (
      "burn_in=100",
      "x.cfg:1: [net] max_batches: nothing is trained without max_batches= above 0; set it, for "
        + "instance to 2000 per class"
    ),
  ])
  func `a schedule that cannot be meant`(net: String, note: String) throws {
    let notes = try build(net).scheduleNotes()
    #expect(notes.map(\.description) == [note])
    // A cfg for detection only has no max_batches.
    #expect(notes.allSatisfy { $0.isFault || $0.option == "max_batches" })
  }

  @Test(arguments: [
    "max_batches=6000\npolicy=steps\nsteps=4800,5400\nscales=.1,.1\nburn_in=1000",
    "max_batches=100\npolicy=steps\nsteps=80,100\nscales=.1,.1",
    "max_batches=100\npolicy=poly", "max_batches=100\npolicy=sgdr", "max_batches=1\nburn_in=0",
  ])
  func `usual schedules`(net: String) throws {
    #expect(try build(net).scheduleNotes().isEmpty)
  }

  // MARK: The page of options

  /// Each option that a layer or `[net]` asks for by name is in docs/cfg-options.md.
  @Test func `every option that is read is documented`() throws {
    let page = try String(
      contentsOf: ProjectFolder.root.appendingPathComponent("docs/cfg-options.md"), encoding: .utf8)
    let words = Set(
      page.split { !$0.isLetter && !$0.isNumber && $0 != "_" }.map(String.init))
    var names: Set<String> = []
    for folder in ["DarknetLayers", "DarknetConfig", "DarknetNetwork"] {
      let sources = ProjectFolder.root.appendingPathComponent("Sources/\(folder)")
      for file in try FileManager.default.subpathsOfDirectory(atPath: sources.path)
      where file.hasSuffix(".swift") {
        let text = try String(
          contentsOf: sources.appendingPathComponent(file), encoding: .utf8)
        let read =
          #/
          (?: int | float | flag | size | string | choice | ints | floats | path | layerIndex
          | layerIndices | activation ) \( \s* "([A-Za-z_0-9]+)"
          /#
        for match in text.matches(of: read) { names.insert(String(match.1)) }
        for call in text.matches(of: /readWithoutEffect\(([^)]*?)(?:off|because):/) {
          for name in call.1.matches(of: /"([A-Za-z_0-9]+)"/) { names.insert(String(name.1)) }
        }
      }
    }
    #expect(names.count > 150)
    #expect(names.subtracting(words).sorted() == [])
  }
}
