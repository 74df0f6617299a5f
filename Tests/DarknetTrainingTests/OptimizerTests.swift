import DarknetNetwork
import DarknetTestSupport
import DarknetTraining
import Testing

@Suite struct OptimizerTests {
  /// A 1x1 convolution of one channel: one bias, one weight.
  private static func network(_ net: String, _ options: String = "") throws -> Network {
    try NetworkFixture(
      """
      [net]
      width=1
      height=1
      channels=1
      \(net)
      [convolutional]
      filters=1
      size=1
      activation=linear
      \(options)
      """
    ).network
  }

  private final class Run {
    let parameters: Parameters
    let gradients: Gradients
    let optimizer: Optimizer
    let layer: Int

    init(_ network: Network, layer: Int = 0) {
      parameters = Parameters(of: network, randomize: false)
      gradients = Gradients(of: network)
      optimizer = Optimizer(network, parameters: parameters, gradients: gradients)
      self.layer = layer
    }

    var weight: Float {
      get { parameters.buffers[layer][1].pointer[0] }
      set { parameters.buffers[layer][1].pointer[0] = newValue }
    }
    var bias: Float { parameters.buffers[layer][0].pointer[0] }

    /// Adds a batch's gradients and updates.
    func update(_ iteration: Int, weight: Float, bias: Float = 0, rate: Float) {
      gradients.buffers[layer][1]!.pointer[0] += weight
      gradients.buffers[layer][0]!.pointer[0] += bias
      optimizer.update(iteration: iteration, rate: rate)
    }
  }

  @Test func `SGD divides by the batch, decays weights only, keeps momentum`() throws {
    let run = Run(
      try Self.network("batch=4\nsubdivisions=2\nmomentum=0.5\ndecay=0.25"))
    run.weight = 1
    // g = 3 + 0.25 * 4 * 1 = 4; w = 1 - 0.1 / 4 * 4 = 0.9; momentum leaves 2.
    run.update(1, weight: 3, bias: 8, rate: 0.1)
    #expect(abs(run.weight - 0.9) < 1e-6)
    #expect(abs(run.bias + 0.2) < 1e-6)
    // g = 2 + 0 + 0.25 * 4 * 0.9 = 2.9; w = 0.9 - 0.025 * 2.9. Bias: 4 left of 8.
    run.update(2, weight: 0, rate: 0.1)
    #expect(abs(run.weight - 0.8275) < 1e-6)
    #expect(abs(run.bias + 0.3) < 1e-6)
  }

  @Test func `the batch counts what mini-batches and time steps make of it`() throws {
    // 7 / 2 = 3 images a mini-batch, so 6 of 7.
    let run = Run(try Self.network("batch=7\nsubdivisions=2\nmomentum=0\ndecay=0"))
    run.update(1, weight: 6, rate: 1)
    #expect(run.weight == -1)
  }

  @Test func `Adam corrects its moments and clears the gradient`() throws {
    let run = Run(
      try Self.network("batch=2\nadam=1\nB1=0.5\nB2=0.75\neps=0\ndecay=0"))
    // m = 1, m^ = 2; v = 1, v^ = 4: a step of one rate.
    run.update(1, weight: 2, rate: 0.5)
    #expect(abs(run.weight + 0.5) < 1e-6)
    #expect(run.gradients.buffers[0][1]!.pointer[0] == 0)
    // m = 0.5, m^ = 0.5 / 0.75; v = 0.75, v^ = 0.75 / 0.4375
    run.update(2, weight: 0, rate: 0.5)
    let second = 0.5 * (0.5 / 0.75) / (0.75 / 0.4375).squareRoot()
    #expect(abs(Double(run.weight) + 0.5 + second) < 1e-6)
  }

  @Test(arguments: [
    ("learning_rate=0.5", 1, Float(-0.5)), ("dont_update=1", 1, 0), ("clip=0.25", 1, -0.25),
    ("burnin_update=2", 9, 0), ("burnin_update=2", 10, -1),
  ])
  func `options of a section`(option: String, iteration: Int, expected: Float) throws {
    let run = Run(try Self.network("momentum=0\ndecay=0\nburn_in=5", option))
    run.update(iteration, weight: 1, rate: 1)
    #expect(run.weight == expected)
    #expect(run.gradients.buffers[0][1]!.pointer[0] == 0)
  }

  @Test func `train_only_bn holds the weights of earlier layers, too`() throws {
    let text = "[convolutional]\nfilters=1\nsize=1\nactivation=linear\n"
    let network = try NetworkFixture(
      "[net]\nwidth=1\nheight=1\nchannels=1\nmomentum=0\ndecay=0\n" + text + text
        + "train_only_bn=1\n" + text
    ).network
    for (layer, isHeld) in [(0, true), (1, true), (2, false)] {
      let run = Run(network, layer: layer)
      run.update(1, weight: 1, bias: 1, rate: 1)
      #expect(run.weight == (isHeld ? 0 : -1))
      #expect(run.bias == -1)
    }
  }

  @Test func `layers before stopbackward have no gradients`() throws {
    let text = "[convolutional]\nfilters=1\nsize=1\nactivation=linear\n"
    let network = try NetworkFixture(
      "[net]\nwidth=1\nheight=1\nchannels=1\n" + text + text + "stopbackward=1\n" + text
    ).network
    let gradients = Gradients(of: network)
    #expect(gradients.buffers[0].allSatisfy { $0 == nil })
    #expect(gradients.buffers[1].allSatisfy { $0 != nil })
  }
}
