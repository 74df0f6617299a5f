import DarknetText

extension DataSetCheck {
  /// All that was found, for programs: `detector check -json FILE`. Problems are complete here.
  ///
  /// - Parameter findings: lines about files that could not be used at all.
  package func json(findings: [String] = []) -> String {
    var rows: [(String, JSONText)] = [
      ("clean", .flag(isClean && findings.isEmpty)),
      ("findings", .list(findings.map(JSONText.text))),
      ("notes", .list(notes.map(JSONText.text))),
      ("train", json(train)),
    ]
    if let valid { rows.append(("valid", json(valid))) }
    rows += [
      ("in_both_lists", .list(inBothLists.map(JSONText.text))),
      (
        "copies",
        .list(
          twins.map {
            .object([
              ("first", .text($0.first)), ("second", .text($0.second)),
              ("across_lists", .flag($0.acrossParts)),
            ])
          })
      ),
      (
        "class_counts",
        .list(
          options.classCounts.map {
            .object([("place", .text($0.place)), ("classes", .whole($0.classes))])
          })
      ),
      ("sizes", json(boxes)),
    ]
    return JSONText.object(rows).text() + "\n"
  }

  private func json(_ part: Part) -> JSONText {
    var rows: [(String, JSONText)] = [
      ("list", .text(part.list)),
      ("pictures", .whole(part.pictures)),
      ("readable", .whole(part.readable)),
      ("with_objects", .whole(part.withObjects)),
      ("without_objects", .whole(part.withoutObjects)),
      ("objects", .whole(part.objects)),
      ("most_objects", .whole(part.mostObjects.count)),
    ]
    rows.append(
      (
        "classes",
        .list(
          part.objectsOfClass.indices.map { index in
            .object([
              ("class_id", .whole(index)), ("name", .text(name(ofClass: index))),
              ("objects", .whole(part.objectsOfClass[index])),
              ("pictures", .whole(part.picturesOfClass[index])),
            ])
          })
      ))
    rows.append(
      (
        "duplicates",
        .list(
          part.duplicates.map {
            .object([
              ("path", .text($0.path)), ("first_line", .whole($0.firstLine)),
              ("line", .whole($0.line)),
            ])
          })
      ))
    rows.append(
      (
        "problems",
        .list(
          part.problems.map { problem in
            .object([
              ("kind", .text(problem.group.rawValue)), ("file", .text(problem.file)),
              ("line", .number(problem.line.map(Double.init))),
              ("text", .text(problem.description)),
            ])
          })
      ))
    return .object(rows)
  }

  private func json(_ boxes: BoxStatistics) -> JSONText {
    .object([
      ("input_width", .whole(options.inputWidth)), ("input_height", .whole(options.inputHeight)),
      (
        "bins",
        .list(
          boxes.sizes.map {
            .object([
              ("from", .whole($0.from)), ("to", .number($0.to.map(Double.init))),
              ("objects", .whole($0.count)),
            ])
          })
      ),
      ("too_small", .whole(boxes.tooSmall)),
      (
        "anchors",
        .list(
          boxes.anchors.map {
            .object([
              ("width", .number(Double($0.width))), ("height", .number(Double($0.height))),
              ("objects", .whole($0.count)), ("mean_iou", .number(Double($0.meanIoU))),
            ])
          })
      ),
      ("mean_best_iou", .number(boxes.meanBestIoU.map(Double.init))),
      ("unfitting", .whole(boxes.unfitting)),
    ])
  }

  /// Its name, or its number if it has none.
  func name(ofClass index: Int) -> String {
    options.names.indices.contains(index) ? options.names[index] : "\(index)"
  }
}
