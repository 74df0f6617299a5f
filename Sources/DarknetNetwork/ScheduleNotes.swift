import DarknetConfig
import DarknetText

extension Network {
  /// What cannot be meant in the learning rate's schedule: a warm-up or steps beyond the last
  /// iteration, a rate of 0. One line each, for the start of a training and for `detector check`.
  ///
  /// - Parameter isEndless: whether training continues without `max_batches`, as classifiers' does.
  package func scheduleNotes(isEndless: Bool = false) -> [ConfigNote] {
    guard net.maxBatches > 0 else {
      return isEndless
        ? rateNotes
        : [
          doubt(
            "max_batches",
            "nothing is trained without max_batches= above 0; set it, for instance to 2000 "
              + "per class", isFault: false)
        ]
    }
    return warmUpNotes + stepNotes + rateNotes
  }

  private var warmUpNotes: [ConfigNote] {
    let schedule = net.schedule
    guard schedule.burnIn >= net.maxBatches else { return [] }
    let last = schedule.rate(iteration: net.maxBatches)
    return [
      doubt(
        "burn_in",
        "burn_in=\(schedule.burnIn) does not end before max_batches=\(net.maxBatches), so "
          + "the rate stays "
          + (schedule.burnIn == net.maxBatches
            ? "below learning_rate=\(general(Double(schedule.learningRate)))"
            : "at \(general(Double(last))) or below")
          + "; lower burn_in= or raise max_batches=")
    ]
  }

  private var stepNotes: [ConfigNote] {
    let schedule = net.schedule
    let end = net.maxBatches
    if schedule.policy == .step, schedule.step > end {
      return [
        doubt(
          "step",
          "step=\(schedule.step) is beyond max_batches=\(end), so the rate never changes; "
            + "lower it")
      ]
    }
    guard schedule.policy == .steps else { return [] }
    var notes: [ConfigNote] = []
    let beyond = schedule.steps.filter { $0 > end }
    if !beyond.isEmpty {
      let list = beyond.map { "\($0)" }.joined(separator: ", ")
      let usual = [end * 8 / 10, end * 9 / 10].map { "\($0)" }.joined(separator: ",")
      notes.append(
        doubt(
          "steps",
          "\(list) \(beyond.count == 1 ? "is" : "are") beyond max_batches=\(end), so the "
            + "rate never falls there; usual are 80 and 90 %, steps=\(usual)"))
    }
    let spare = schedule.scales.count - schedule.steps.count
    if spare > 0 {
      notes.append(
        doubt(
          "scales",
          "\(schedule.scales.count) scales for "
            + "\(counted(schedule.steps.count, "step", "steps")): the last \(spare) "
            + (spare == 1 ? "has no effect; drop it" : "have no effect; drop them")
            + " or add steps"))
    }
    if zip(schedule.steps, schedule.steps.dropFirst()).contains(where: { $0 > $1 }) {
      notes.append(
        doubt(
          "steps", "the steps do not rise, and one waits for those before it; put them in order"))
    }
    return notes
  }

  private var rateNotes: [ConfigNote] {
    let schedule = net.schedule
    guard schedule.learningRate > 0 else {
      return [
        doubt(
          "learning_rate",
          "learning_rate=\(general(Double(schedule.learningRate))) "
            + (schedule.learningRate == 0
              ? "trains nothing" : "moves away from what is to be learned")
            + "; set it above 0, for instance to 0.001")
      ]
    }
    let end = net.maxBatches
    if schedule.policy == .steps,
      let zero = zip(schedule.steps, schedule.scales).first(where: { $0.1 == 0 && $0.0 < end })
    {
      return [
        doubt(
          "scales",
          "a scale of 0 ends the training at iteration \(zero.0): the rate is 0 from "
            + "there on; scales multiply, .1 divides by ten")
      ]
    }
    // A rate so small that float32 has nothing but 0 for it, as of gamma=0.
    let step = max(end / 1000, 1)
    let isZero = stride(from: 1, through: end, by: step).allSatisfy {
      schedule.rate(iteration: $0) == 0
    }
    guard isZero, schedule.burnIn < end else { return [] }
    return [
      doubt("policy", "the rate is 0 in every iteration, so nothing is trained; change its options")
    ]
  }

  private func doubt(_ option: String, _ text: String, isFault: Bool = true) -> ConfigNote {
    let section = config.sections.first
    let line = section?.options.first { $0.key == option }?.line ?? section?.line ?? 1
    return ConfigNote(
      file: file, line: line, section: section?.name, option: option, kind: .doubtful, text: text,
      isFault: isFault)
  }
}
