/// Flags of the Darknet programs that a command here does not look at. Darknet takes every flag of
/// a command's family out of its words, whether it uses it or not; so do we, without a word.
package enum DarknetFlags {
  /// Commands of Darknet that look for the same flags.
  package enum Family: Sendable { case detector, classifier, utility }

  private static let everywhere: [String: Bool] = [
    "-i": true, "-gpus": true, "-nogpu": false, "-cuda_debug_sync": false,
    // hank-ai's.
    "-log": true, "-verbose": false, "-trace": false, "-nocolour": false, "-nocolor": false,
  ]

  private static let detector: [String: Bool] = [
    "-thresh": true, "-iou_thresh": true, "-hier": true, "-points": true, "-mAP_epochs": true,
    "-out": true, "-chart": true, "-c": true, "-s": true, "-avgframes": true,
    "-mjpeg_port": true, "-json_port": true, "-http_post_host": true, "-time_limit_sec": true,
    "-out_filename": true, "-json_file_output": true, "-prefix": true,
    "-num_of_clusters": true, "-width": true, "-height": true,
    "-map": false, "-dont_show": false, "-dont-show": false, "-dontshow": false,
    "-ext_output": false, "-save_labels": false, "-letter_box": false, "-show": false,
    "-benchmark": false, "-benchmark_layers": false, "-show_imgs": false, "-clear": false,
    "-dontdraw_bbox": false, "-dontuse_opencv": false,
    // pjreddie's.
    "-avg": true, "-w": true, "-h": true, "-fps": true, "-fullscreen": false,
  ]

  private static let classifier: [String: Bool] = [
    "-mjpeg_port": true, "-c": true, "-t": true, "-chart": true,
    "-dont_show": false, "-dont-show": false, "-dontshow": false, "-benchmark": false,
    "-benchmark_layers": false, "-dontuse_opencv": false, "-show_imgs": false, "-topk": false,
    "-clear": false,
  ]

  /// The names of a family's flags, and whether a value follows.
  package static func all(of family: Family) -> [String: Bool] {
    let own: [String: Bool] =
      switch family {
      case .detector: detector
      case .classifier: classifier
      case .utility: [:]
      }
    return own.merging(everywhere) { own, _ in own }
  }
}
