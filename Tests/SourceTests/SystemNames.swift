/// Top-level names that users of the library get from Swift, Foundation and the frameworks of
/// Apple's systems that show pictures and charts: public names of ours are others.
enum SystemNames {
  static let all = Set(
    [swift, foundation, swiftUI, others].joined(separator: " ")
      .split { $0 == " " || $0 == "\n" }.map(String.init))

  private static let swift = """
    Any AnyObject AnyHashable AnyKeyPath Array ArraySlice AsyncSequence AsyncStream Atomic Bool
    Character Clock ClosedRange CodingKey Collection CommandLine Comparable ContiguousArray
    ContinuousClock Copyable CustomStringConvertible Dictionary DiscontiguousSlice Double Duration
    Encodable Decodable Encoder Decoder Equatable Error Executor Float Float16 Hashable Hasher
    Identifiable Int Int8 Int16 Int32 Int64 InlineArray KeyPath KeyValuePairs
    LazySequence MainActor Mirror Mutex Never Numeric ObjectIdentifier Optional OptionSet Range
    RangeSet Regex Result Sendable Sequence Set SIMD2 SIMD3 SIMD4 Slice Span MutableSpan RawSpan
    StaticString Strideable String Substring SuspendingClock SystemRandomNumberGenerator
    Task TaskGroup TaskPriority UInt UInt8 UInt16 UInt32 UInt64 Unicode UnsafePointer Void Zip2Sequence
    abs assert dump fatalError max min precondition print readLine repeatElement sequence stride
    swap type withUnsafeBytes zip
    """

  private static let foundation = """
    AffineTransform AttributedString AttributeContainer AttributeScopes Bundle ByteCountFormatter
    CachedURLResponse Calendar CharacterSet CocoaError Data DataProtocol Date
    DateComponents DateFormatter DateInterval DateIntervalFormatter Decimal Dimension
    DispatchQueue DispatchSemaphore ErrorUserInfoKey Expression FileHandle FileManager FileWrapper
    Formatter FormatStyle Host HTTPURLResponse IndexPath IndexSet InputStream ISO8601DateFormatter
    JSONDecoder JSONEncoder JSONSerialization Locale LocalizedError
    LocalizedStringResource Logger Measurement MeasurementFormatter MessagePort
    MutableDataProtocol NotificationCenter Notification NumberFormatter Operation OperationQueue
    OutputStream ParseStrategy PersonNameComponents Pipe POSIXError Port Predicate Process
    ProcessInfo Progress ProgressManager PropertyListDecoder PropertyListEncoder RunLoop Scanner
    SortComparator SortDescriptor SortOrder Stream StringTransform Thread TimeInterval Timer
    TimeZone Unit UnitLength URL URLComponents URLError URLRequest URLResponse URLSession UserDefaults
    UUID UndoManager XMLParser
    """

  private static let swiftUI = """
    Alert Alignment Anchor Angle Animatable Animation App Axis Badge Binding Bindable BlendMode Button
    ButtonStyle Canvas Capsule Circle Color ColorPicker ColorScheme Commands     ContainerRelativeShape ContentMode ContentSizeCategory ControlGroup ControlSize
    CoordinateSpace DatePicker DisclosureGroup Divider DragGesture Edge EdgeInsets Ellipse
    EllipticalGradient Environment EnvironmentObject EnvironmentValues EventModifiers
    FetchRequest FillStyle FocusState Font Form ForEach Gauge Gesture GeometryProxy
    GeometryReader Gradient Grid GridItem GridRow Group GroupBox HStack HelpLink     HorizontalAlignment HorizontalEdge Image ImageRenderer KeyboardShortcut Label
    LabelStyle Layout LayoutDirection LayoutSubview LazyHStack LazyVStack LegibilityWeight     LinearGradient Link List ListStyle LocalizedStringKey Material Menu MeshGradient
    Model Namespace NavigationLink NavigationPath NavigationStack NavigationView ObservedObject
    Observable OpenURLAction Optional OutlineGroup Path Picker PreferenceKey Preview
    PrimitiveButtonStyle ProgressView ProjectionTransform ProposedViewSize Published RadialGradient
    Rectangle RedactionReasons RoundedRectangle SafeAreaRegions Scene SceneBuilder
    ScrollView Section SecureField Settings Shader ShaderFunction Shape ShapeStyle Slider
    Spacer Spring State StateObject StepperStyle Stepper StrokeStyle Subview Symbol Tab Table
    TableColumn TableRow Text TextAlignment TextEditor TextField TimelineView Toggle Toolbar
    ToolbarItem Transaction Transform Transition UnitCurve UnitPoint VStack VectorArithmetic
    VerticalAlignment VerticalEdge View ViewBuilder ViewModifier Visibility Window WindowGroup ZStack
    """

  private static let others = """
    AccessibilityChart AnnotationContext AreaMark AreaPlot AxisMarks BarMark BarPlot Chart ChartContent
    ChartProxy LineMark LinePlot PlotDimension PointMark RectangleMark RuleMark SectorMark
    VectorizedChartContent
    BoundingBoxProviding ClassifyImageRequest ClassificationObservation ContoursObservation
    DetectedObjectObservation DetectFaceRectanglesRequest FaceObservation HumanObservation
    ImageProcessingRequest ImageRequestHandler NormalizedCircle NormalizedPoint NormalizedRect
    RecognizedObjectObservation RecognizedText RectangleObservation TargetedRequest VisionRequest
    CGFloat CGImage CGPoint CGRect CGSize MLModel MLMultiArray MLShapedArray MLTensor
    ModelEntity Entity Component Scene Mesh Material Transform TextureResource
    Point Rect Size
    """
}
