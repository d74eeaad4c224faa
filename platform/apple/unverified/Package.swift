// swift-tools-version:5.7
import PackageDescription

// Lies beside Upswing.xcframework, where xcframework.sh puts it.
let package = Package(
    name: "Upswing",
    platforms: [.iOS(.v13), .macOS(.v11)],
    products: [.library(name: "Upswing", targets: ["Upswing"])],
    targets: [.binaryTarget(name: "Upswing", path: "Upswing.xcframework")]
)
