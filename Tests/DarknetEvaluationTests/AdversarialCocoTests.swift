import DarknetEvaluation
import Foundation
import Testing

/// A made-up data set with everything that makes figures of boxes disagree: equal scores, equal
/// overlaps, overlaps exactly at a threshold, crowds, areas at the limits of the size classes,
/// boxes without area, categories without objects, without boxes, or unknown, pictures without
/// either, and pictures with a thousand boxes.
struct AdversarialCoco {
  var truth = CocoDataset(images: [], categories: [], objects: [])
  var detections: [CocoDetection] = []
  private var state: UInt64

  /// Knuth's MMIX generator: the set is the same everywhere.
  private mutating func below(_ bound: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int((state >> 33) % UInt64(bound))
  }

  /// On a grid of half pixels, so that overlaps are often equal, and exact in any arithmetic.
  private mutating func box(at scale: Int) -> CocoBox {
    CocoBox(
      x: Double(below(800)) / 2, y: Double(below(800)) / 2, width: Double(1 + below(scale)) / 2,
      height: Double(1 + below(scale)) / 2)
  }

  private mutating func near(_ box: CocoBox) -> CocoBox {
    switch below(6) {
    case 0: box
    // Half and three quarters of it: overlaps of exactly 0.50 and 0.75.
    case 1: CocoBox(x: box.x, y: box.y, width: box.width / 2, height: box.height)
    case 2: CocoBox(x: box.x, y: box.y, width: box.width, height: box.height * 0.75)
    case 3: CocoBox(x: box.x, y: box.y, width: box.width, height: 0)
    default:
      CocoBox(
        x: box.x + box.width * Double(below(9) - 4) / 32,
        y: box.y + box.height * Double(below(9) - 4) / 32, width: box.width, height: box.height)
    }
  }

  init(seed: UInt64) {
    state = seed
    // Identities neither start at 1, nor follow each other, nor are in order.
    let images = (0..<40).map { ($0 * 17 + 5) % 40 * 3 + 100 }
    let categories = [90, 3, 7, 12, 1, 44, 45, 60, 61]
    truth = CocoDataset(images: images, categories: categories, objects: [])
    for image in images.dropLast(3) {
      // Category 61 never has objects, 60 never has boxes.
      for category in categories.dropLast() where below(3) > 0 {
        for _ in 0..<below(6) {
          let scale = [20, 64, 128, 192, 600][below(5)]
          var box = box(at: scale)
          if below(8) == 0 {
            box.width = 32
            box.height = 32
          }
          if below(8) == 0 {
            box.width = 96
            box.height = 96
          }
          let area = below(3) == 0 ? box.area * Double(1 + below(4)) / 4 : box.area
          truth.objects.append(
            .init(image: image, category: category, box: box, area: area, isCrowd: below(9) == 0))
        }
      }
    }
    let objects = truth.objects
    for object in objects where object.category != 60 {
      for _ in 0..<below(4) {
        detections.append(
          .init(
            image: object.image, category: below(10) == 0 ? 3 : object.category,
            box: near(object.box), score: Double(below(21)) / 20))
      }
    }
    for _ in 0..<1500 {
      let category = [90, 3, 7, 12, 1, 44, 45, 61, 77][below(9)]
      let box = box(at: 300)
      detections.append(
        .init(
          image: images[below(40)], category: category, box: box, score: Double(below(101)) / 100))
    }
    // A thousand boxes in each of two pictures, of which only a hundred a category count.
    for image in images.prefix(2) {
      for _ in 0..<1000 {
        let near = near(objects[below(min(20, objects.count))].box)
        detections.append(
          .init(
            image: image, category: [90, 3][below(2)], box: near, score: Double(below(11)) / 10))
      }
    }
  }

  /// The two files, as pycocotools reads them.
  func write(to folder: URL) throws {
    func row(_ box: CocoBox) -> [Double] { [box.x, box.y, box.width, box.height] }
    let instances: [String: Any] = [
      "images": truth.images.map { ["id": $0] },
      "categories": truth.categories.map { ["id": $0, "name": "\($0)"] },
      "annotations": truth.objects.enumerated().map { number, object in
        [
          "id": number + 1, "image_id": object.image, "category_id": object.category,
          "bbox": row(object.box), "area": object.area, "iscrowd": object.isCrowd ? 1 : 0,
        ] as [String: Any]
      },
    ]
    let results = detections.map {
      [
        "image_id": $0.image, "category_id": $0.category, "bbox": row($0.box), "score": $0.score,
      ] as [String: Any]
    }
    try JSONSerialization.data(withJSONObject: instances)
      .write(to: folder.appendingPathComponent("instances.json"))
    try JSONSerialization.data(withJSONObject: results)
      .write(to: folder.appendingPathComponent("results.json"))
  }
}

@Suite struct AdversarialCocoTests {
  /// Figures of pycocotools 2.0.11, numpy 2.4.6. To make them again: run this test with
  /// PRN_DARKNET_COCO_FOLDER naming a folder that has a folder for each seed, then for each
  ///
  ///     gt = COCO("instances.json")
  ///     e = COCOeval(gt, gt.loadRes("results.json"), "bbox")
  ///     e.evaluate(); e.accumulate(); e.summarize(); print(e.stats.tolist())
  static let expected: [UInt64: [Double]] = [
    1: [
      0.0787766333089904, 0.14576166817363825, 0.081070230473889,
      0.1256052605514349, 0.07799023795307446, 0.10698005341852183,
      0.07071765116584196, 0.3508742350333633, 0.3987780155851702,
      0.410271023170235, 0.4077770985499566, 0.3613091646915175,
    ],
    2: [
      0.06673870235790731, 0.1382100520825719, 0.06781886212277234,
      0.11396391809125614, 0.0612763397213021, 0.07337159784272672,
      0.06951922144716009, 0.372339349469765, 0.40246529329695263,
      0.405049177188012, 0.3948858662935044, 0.3662450396825397,
    ],
    3: [
      0.06802265188080481, 0.14391929718662255, 0.0690244918936535,
      0.1043820624726265, 0.06043754728137501, 0.12702585614612472,
      0.07598905975906893, 0.36897102522453445, 0.41379939458142456,
      0.4233213601532567, 0.38504546746234725, 0.4778419497169496,
    ],
    4: [
      0.07878930528909825, 0.14364717859355927, 0.08840106362356306,
      0.12232489353457202, 0.08537873118452417, 0.08621794071724781,
      0.07275664301718435, 0.37098912837607106, 0.4115104917741865,
      0.4086404914529915, 0.421226065479355, 0.3931597222222222,
    ],
    5: [
      0.07568061763917913, 0.14044649466350625, 0.08505363580225801,
      0.11619095432127274, 0.0646174646061231, 0.09931019964970063,
      0.07918808758708458, 0.36954591409692783, 0.40034797402290934,
      0.38139615230994545, 0.42685592526111515, 0.39856861888111883,
    ],
  ]

  @Test(arguments: [1, 2, 3, 4, 5] as [UInt64])
  func `figures equal those of pycocotools`(seed: UInt64) throws {
    let set = AdversarialCoco(seed: seed)
    if let folder = ProcessInfo.processInfo.environment["PRN_DARKNET_COCO_FOLDER"] {
      try set.write(to: URL(fileURLWithPath: folder).appendingPathComponent("\(seed)"))
    }
    let figures = CocoEvaluation(truth: set.truth, detections: set.detections).overall
    let ours = [
      figures.ap, figures.ap50, figures.ap75, figures.apSmall, figures.apMedium, figures.apLarge,
      figures.ar1, figures.ar10, figures.ar100, figures.arSmall, figures.arMedium, figures.arLarge,
    ].map { $0 ?? -1 }
    let expected = try #require(Self.expected[seed])
    for (index, (value, figure)) in zip(ours, expected).enumerated() {
      // Sums of a few thousand terms in another order.
      #expect(abs(value - figure) < 1e-12, "figure \(index)")
    }
  }
}
