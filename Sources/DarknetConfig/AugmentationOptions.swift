import DarknetText

/// How training pictures are varied, as `[net]` says.
package struct AugmentationOptions: Hashable, Sendable {
  package enum Mix: Int, Sendable { case none, mixup, cutmix, mosaic, mosaicOrCutmix }

  package var flip = true
  /// Classifiers: rotation by up to this many degrees.
  package var angle: Float = 0
  /// Classifiers: sides stretched by up to this factor.
  package var aspect: Float = 1
  package var saturation: Float = 1
  package var exposure: Float = 1
  package var hue: Float = 0
  package var blur = 0
  package var gaussianNoise = 0
  package var mix = Mix.none
  package var mosaicBound = false
  package var minCrop = 0
  package var maxCrop = 0
  package var labelSmoothing: Float = 0
  /// Where they are in the cfg.
  package var places = OptionPlaces()

  package init() {}

  /// Reads the options of `[net]`; `width` is the network's, from which crop sizes default.
  package init(_ options: inout OptionReader, width: Int) throws(ConfigError) {
    maxCrop = try options.int("max_crop", default: width * 2)
    minCrop = try options.int("min_crop", default: width)
    flip = try options.flag("flip", default: true)
    blur = try options.int("blur", default: 0)
    gaussianNoise = try options.int("gaussian_noise", default: 0)
    let mixup = try options.int("mixup", default: 0)
    let cutmix = try options.flag("cutmix")
    let mosaic = try options.flag("mosaic")
    mix =
      mosaic
      ? (cutmix ? .mosaicOrCutmix : .mosaic)
      : cutmix
        ? .cutmix
        : Mix(rawValue: mixup) ?? .mixup
    mosaicBound = try options.flag("mosaic_bound")
    labelSmoothing = try options.float("label_smooth_eps", default: 0)
    angle = try options.float("angle", default: 0)
    aspect = try options.float("aspect", default: 1)
    saturation = try options.float("saturation", default: 1)
    exposure = try options.float("exposure", default: 1)
    hue = try options.float("hue", default: 0)
    places = options.places(
      "min_crop", "max_crop", "angle", "aspect", "saturation", "exposure", "hue", "letter_box")
  }
}
