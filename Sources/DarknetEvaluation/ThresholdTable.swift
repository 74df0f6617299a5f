import DarknetText

extension MeanAveragePrecision.Result {
  /// For each class with objects the threshold at which its F1 is highest, a line each.
  ///
  /// - Parameter names: a name a class.
  public func thresholdTable(names: [String]) -> String {
    func name(_ row: MeanAveragePrecision.ClassResult) -> String {
      names.indices.contains(row.classIndex) ? names[row.classIndex] : "\(row.classIndex)"
    }
    let rows = classes.filter { $0.counts.truths > 0 }
    let width = max(5, rows.map { name($0).count }.max() ?? 0)
    func line(_ first: String, _ columns: [String]) -> String {
      let blanks = String(repeating: " ", count: max(0, width - first.count))
      return " " + first + blanks + columns.map { $0.leftPadded(to: 11) }.joined() + "\n"
    }
    func number(_ value: Double?) -> String { value.map { fixed($0, decimals: 3) } ?? "-" }
    return line("class", ["objects", "threshold", "F1", "precision", "recall"])
      + rows.map { row in
        let best = row.curve.best
        return line(
          name(row),
          [
            "\(row.counts.truths)", number(best.map { Double($0.threshold) }), number(best?.f1),
            number(best?.precision), number(best?.recall),
          ])
      }.joined()
  }
}
