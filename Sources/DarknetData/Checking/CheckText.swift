import DarknetText

extension DataSetCheck {
  /// The report for people.
  ///
  /// - Parameter limit: problems of each kind that are shown; the rest is counted.
  /// - Returns: paragraphs, without a last judgement.
  package func text(limit: Int = 20) -> String {
    var report = CheckText(limit: limit)
    report.add(train, title: "train", self)
    if let valid { report.add(valid, title: "valid", self) }
    report.addOverlap(self)
    report.addDisagreement(self)
    report.addClasses(self)
    report.addSizes(self)
    report.addNotes(self)
    return report.text
  }
}

/// Builds the text of a check.
private struct CheckText {
  private(set) var text = ""
  let limit: Int

  init(limit: Int) { self.limit = limit }

  mutating func line(_ line: String) { text += line + "\n" }

  mutating func add(_ part: DataSetCheck.Part, title: String, _ check: DataSetCheck) {
    line("\(title): \(part.list)")
    line("  pictures             \(part.pictures)")
    if part.readable > 0 {
      let (small, large) = (part.smallestPicture, part.largestPicture)
      line(
        "  sizes                "
          + (small == large
            ? "all \(small.width)x\(small.height)"
            : "\(small.width)x\(small.height) to \(large.width)x\(large.height)"))
    }
    line(
      "  objects              \(part.objects) in "
        + counted(part.withObjects, "picture", "pictures"))
    if part.withoutObjects > 0 {
      line("  without objects      \(part.withoutObjects)")
    }
    if part.mostObjects.count > check.options.maxObjects {
      line(
        "  \(part.mostObjects.picture) has \(part.mostObjects.count) objects; training takes "
          + "\(check.options.maxObjects) of a picture: raise max= in the cfg's heads")
    }
    if part.hasNoObjects {
      line(
        "  \(part.list): expected a labelled object, found none in "
          + counted(part.pictures, "picture", "pictures"))
    }
    addList("paths that are listed twice", part.duplicates) {
      "\(part.list):\($0.line): \($0.path) is in line \($0.firstLine) already"
    }
    for group in DataProblem.Group.allCases {
      addList(group.rawValue, part.problems.filter { $0.group == group }) { $0.description }
    }
    line("")
  }

  private mutating func addList<Item>(
    _ title: String, _ items: [Item], indent: String = "  ", _ words: (Item) -> String
  ) {
    guard !items.isEmpty else { return }
    line("\(indent)\(title): \(items.count)")
    for item in items.prefix(limit) { line("\(indent)  " + words(item)) }
    if items.count > limit { line("\(indent)  … and \(items.count - limit) more") }
  }

  mutating func addNotes(_ check: DataSetCheck) {
    let notes = check.notes
    guard !notes.isEmpty else { return }
    addList("notes", notes, indent: "") { $0 }
    line("")
  }

  mutating func addOverlap(_ check: DataSetCheck) {
    let before = text.utf8.count
    func same(_ twins: DataSetCheck.Twins) -> String { "\(twins.first) = \(twins.second)" }
    addList(
      "pictures in both lists, which makes every figure too good", check.inBothLists, indent: ""
    ) { $0 }
    addList(
      "copies across the lists, which makes every figure too good",
      check.twins.filter(\.acrossParts), indent: "", same)
    for (isTrain, part) in [(true, check.train), (false, check.valid)]
      as [(Bool, DataSetCheck.Part?)]
    {
      guard let part else { continue }
      addList(
        "copies under other names within \(part.list)",
        check.twins.filter { !$0.acrossParts && $0.inTrain == isTrain }, indent: "", same)
    }
    if text.utf8.count > before { line("") }
  }

  mutating func addDisagreement(_ check: DataSetCheck) {
    guard check.classesDisagree else { return }
    line("the numbers of classes disagree")
    for (place, classes) in check.options.classCounts { line("    \(place): \(classes)") }
    line("")
  }

  mutating func addClasses(_ check: DataSetCheck) {
    let train = check.train
    guard !train.objectsOfClass.isEmpty else { return }
    let names = train.objectsOfClass.indices.map(check.name(ofClass:))
    let width = min(24, max(5, names.map(\.count).max() ?? 5))
    func padded(_ name: String) -> String {
      name + String(repeating: " ", count: max(0, width - name.count))
    }
    let most = max(1, train.objectsOfClass.max() ?? 1)
    line("\(padded("class"))   train  pictures" + (check.valid == nil ? "" : "   valid"))
    for (index, name) in names.enumerated() {
      var row =
        padded(name) + number(train.objectsOfClass[index], 8)
        + number(train.picturesOfClass[index], 10)
      if let valid = check.valid {
        row += number(
          valid.objectsOfClass.indices.contains(index) ? valid.objectsOfClass[index] : 0, 8)
      }
      line("\(row)  \(bar(train.objectsOfClass[index], of: most))".trimmedEnd)
    }
    let empty = names.indices.filter { train.objectsOfClass[$0] == 0 }
    if !empty.isEmpty {
      line("no objects to learn from: " + empty.map { names[$0] }.joined(separator: ", "))
    }
    line(
      "counters_per_class = "
        + train.objectsOfClass.map { "\($0)" }.joined(separator: ", "))
    line("")
  }

  mutating func addSizes(_ check: DataSetCheck) {
    let boxes = check.boxes
    guard check.train.objects > 0 else { return }
    let (w, h) = (check.options.inputWidth, check.options.inputHeight)
    line("sizes of objects at \(w)x\(h), root of the area in pixels")
    let most = max(1, boxes.sizes.map(\.count).max() ?? 1)
    for bin in boxes.sizes {
      let range = bin.to.map { "\(bin.from)…\($0)" } ?? "\(bin.from)…"
      line(
        ("  " + range + String(repeating: " ", count: max(0, 9 - range.count))
          + number(bin.count, 8) + "  " + bar(bin.count, of: most)).trimmedEnd)
    }
    if boxes.tooSmall > 0 {
      line("  less than a pixel wide or high, so not learned: \(boxes.tooSmall)")
    }
    if let mean = boxes.meanBestIoU {
      line("anchors (mean overlap of the best \(percent(mean)))")
      for anchor in boxes.anchors {
        line(
          "  \(whole(anchor.width))x\(whole(anchor.height)): "
            + counted(anchor.count, "object", "objects") + ", overlap \(percent(anchor.meanIoU))")
      }
      if boxes.unfitting > 0 {
        line("  objects that no anchor fits by half: \(boxes.unfitting)")
      }
    }
    line("")
  }

  private func number(_ value: Int, _ width: Int) -> String { DarknetText.padded(value, width) }

  private func percent(_ part: Float) -> String { fixed(Double(part) * 100, decimals: 1) + " %" }

  private func whole(_ value: Float) -> String { fixed(Double(value), decimals: 0) }

  private func bar(_ value: Int, of most: Int) -> String {
    String(repeating: "#", count: value == 0 ? 0 : max(1, value * 30 / most))
  }
}

extension String {
  /// Without blanks at its end.
  fileprivate var trimmedEnd: String {
    String(self[..<(lastIndex { $0 != " " }.map { index(after: $0) } ?? startIndex)])
  }
}
