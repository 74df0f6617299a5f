import DarknetConfig
import DarknetImages

extension ImageFile.JPEGRounding {
  /// pjreddie's dialect is compared with the program that Debian ships.
  public init(_ dialect: Dialect) { self = dialect == .pjreddie ? .libjpeg : .darknet }
}

extension ImageFile.Limits {
  /// How the program of a dialect reads pictures.
  public init(dialect: Dialect) {
    self.init()
    follow(dialect)
  }

  /// Reads pictures as the program of a dialect does; what a file may ask for stays.
  public mutating func follow(_ dialect: Dialect) {
    jpeg = ImageFile.JPEGRounding(dialect)
    appliesOrientation = dialect != .pjreddie
  }
}
