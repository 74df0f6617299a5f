import DarknetAnalysis
import DarknetTestSupport
import DarknetTraining
import Testing

@Suite struct RecurrentWeightsTests {
  private static let cfg = """
    [net]
    width=4
    height=3
    channels=2
    [crnn]
    output=2
    hidden=3
    pad=1
    batch_normalize=1
    [conv_lstm]
    output=2
    pad=1
    peephole=1
    batch_normalize=1
    [rnn]
    output=5
    hidden=4
    batch_normalize=1
    [gru]
    output=3
    batch_normalize=1
    [lstm]
    output=4
    batch_normalize=1
    """

  @Test func `batch norm folds into the parts of recurrent layers`() throws {
    let fixture = try NetworkFixture(Self.cfg)
    let input = fixture.randomInput()
    let before = fixture.forward(input)
    try WeightEditor.foldBatchNormalization(of: fixture.network, fixture.parameters)
    // Folding puts 1e-6 beside the variances of connected parts, the layers 1e-5: with variances
    // from 0.5 on that is 1e-5 of each value.
    let folded = fixture.forward(input)
    let (network, parameters) = try WeightEditor.withoutBatchNormalization(
      fixture.network, fixture.parameters)
    let executor = TrainingExecutor(network, parameters: parameters, batch: 1, isTraining: false)
    input.withUnsafeBufferPointer { executor.forward($0) }
    for (index, values) in before.enumerated() {
      #expect(deviation(folded[index], from: values) < 1e-4)
      #expect(deviation(Array(executor.output(index).values), from: values) < 1e-4)
    }
    let roles = network.nodes.flatMap { $0.layer.parameters.map(\.role) }
    #expect(!roles.contains { $0.isBatchNormalization })
  }

  @Test func `ops counts the products of all parts`() throws {
    let network = try NetworkFixture(Self.cfg).network
    let products = network.nodes.map(\.layer.productOperations)
    // Of crnn 2 * 9 * 12 * (2 * 3 + 3 * 3 + 3 * 2), of conv_lstm 11 convolutions of 2 * 2.
    #expect(products[0] == 216 * 21)
    #expect(products[1] == 216 * 44)
    #expect(Array(products[2...]) == [2 * (96 + 16 + 20), 2 * 3 * (15 + 9), 2 * 4 * (12 + 16)])
  }
}
