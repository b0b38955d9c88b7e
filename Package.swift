// swift-tools-version: 6.2
import PackageDescription

/// C compiles optimised even in debug builds: the kernels are the product, and tests over real models must finish.
let kernelSettings: [CSetting] = [
    .unsafeFlags(["-O3", "-std=c17", "-Wall", "-Wextra", "-fno-math-errno", "-ffp-contract=off"]),
    // Files name each other by folder.
    .headerSearchPath("."),
]

let swiftSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
]

let package = Package(
    name: "resa",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "resa", targets: ["ResaServe"])
    ],
    dependencies: [
        .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1", traits: []),
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", exact: "2.13.0"),
        .package(url: "https://github.com/apple/swift-http-structured-headers", exact: "1.7.0"),
        .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", exact: "1.35.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", exact: "0.2.0"),
        .package(url: "https://github.com/attaswift/BigInt", exact: "6.0.1"),
    ],
    targets: [
        // One arrow direction: a target may name only those below it.
        .executableTarget(
            name: "ResaServe",
            dependencies: [
                "Server", "TLS", "Answering", "LoadTest", "Evaluation", "Inspection", "Training", "Workbench", "AdapterRegistry",
                "Downloads", "Engine", "Models", "Adapters", "Texts", "Tokenizers", "Jinja", "Checkpoints", "JSONText", "Terminal",
                "Measuring", "Processes", "Tensors",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ]),
        .target(
            name: "Server",
            dependencies: [
                "TLS", "AdapterRegistry", "Downloads", "Engine", "Models", "Adapters", "Tokenizers", "Jinja", "Checkpoints", "JSONText",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "RawStructuredFieldValues", package: "swift-http-structured-headers"),
            ]),
        .target(
            name: "TLS",
            dependencies: [
                "CTLS", .product(name: "NIOCore", package: "swift-nio"), .product(name: "Logging", package: "swift-log"),
            ]),
        .target(
            name: "Answering",
            dependencies: [
                "LoadTest", "Evaluation", "Workbench", "AdapterRegistry", "Engine", "Models", "Adapters", "Tokenizers", "Jinja",
                "Checkpoints", "JSONText",
            ]),
        .target(
            name: "LoadTest",
            dependencies: ["Curl", "JSONText", "Measuring", .product(name: "Histogram", package: "hdrhistogram-swift")]),
        .target(
            name: "Inspection",
            dependencies: [
                "Workbench", "AdapterRegistry", "Downloads", "Models", "Adapters", "Texts", "Tokenizers", "Jinja", "Checkpoints",
                "JSONText", "Measuring", "Tensors",
            ]),
        .target(
            name: "Training",
            dependencies: [
                "Models", "Adapters", "Texts", "Tokenizers", "Jinja", "Checkpoints", "JSONText", "Measuring", "Processes", "Tensors",
            ]),
        .target(
            name: "Workbench",
            dependencies: [
                "AdapterRegistry", "Engine", "Models", "Adapters", "Texts", "Tokenizers", "Jinja", "Checkpoints", "Tensors",
            ]),
        .target(
            name: "Evaluation",
            dependencies: ["Checkpoints", "JSONText", "Measuring", .product(name: "BigInt", package: "BigInt")]),
        .target(
            name: "AdapterRegistry",
            dependencies: ["Adapters", "Downloads", "Checkpoints", "Digests", "JSONText", "Tensors", "CZstd"]),
        .target(name: "Downloads", dependencies: ["Checkpoints", "Curl", "CCurl", "Digests", "JSONText"]),
        .target(name: "Engine", dependencies: ["Models", "Adapters", "Tokenizers", "Tensors"]),
        .target(name: "Models", dependencies: ["Adapters", "Architectures", "Tokenizers", "Jinja", "Checkpoints", "JSONText", "Tensors"]),
        .target(name: "Adapters", dependencies: ["Architectures", "Checkpoints", "JSONText", "Tensors", "CPCRE2"]),
        .target(name: "Architectures", dependencies: ["Checkpoints", "JSONText"]),
        .target(name: "Texts", dependencies: ["Tokenizers", "Jinja", "Checkpoints", "JSONText"]),
        .target(name: "Tokenizers", dependencies: ["Checkpoints", "JSONText", "CPCRE2"]),
        .target(name: "Jinja", dependencies: ["JSONText"]),
        .target(name: "Checkpoints", dependencies: ["Digests", "JSONText", "Tensors", "CXXHash"]),
        .target(name: "Curl", dependencies: ["CCurl", "CPolling"]),
        .target(name: "Digests", dependencies: ["CCrypto"]),
        .target(name: "JSONText"),
        .target(name: "Terminal", dependencies: ["Measuring"]),
        .target(name: "Measuring"),
        .target(name: "Tensors", dependencies: ["Kernels"]),
        .target(name: "Processes"),
        .target(name: "Kernels", dependencies: ["COpenBLAS"], cSettings: kernelSettings),
        .systemLibrary(
            name: "COpenBLAS", path: "Sources/System/COpenBLAS", pkgConfig: "openblas",
            providers: [.apt(["libopenblas-dev"])]),
        .systemLibrary(
            name: "CPCRE2", path: "Sources/System/CPCRE2", pkgConfig: "libpcre2-8",
            providers: [.apt(["libpcre2-dev"])]),
        .systemLibrary(
            name: "CCurl", path: "Sources/System/CCurl", pkgConfig: "libcurl",
            providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(
            name: "CCrypto", path: "Sources/System/CCrypto", pkgConfig: "libcrypto",
            providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CPolling", path: "Sources/System/CPolling"),
        .systemLibrary(
            name: "CTLS", path: "Sources/System/CTLS", pkgConfig: "libssl",
            providers: [.apt(["libssl-dev"])]),
        .systemLibrary(
            name: "CXXHash", path: "Sources/System/CXXHash", pkgConfig: "libxxhash",
            providers: [.apt(["libxxhash-dev"])]),
        .systemLibrary(
            name: "CZstd", path: "Sources/System/CZstd", pkgConfig: "libzstd",
            providers: [.apt(["libzstd-dev"])]),

        .target(name: "TestSupport", dependencies: ["AdapterRegistry", "Adapters"], path: "Tests/TestSupport"),
        .target(name: "TestRandomness", path: "Tests/TestRandomness"),
        .target(
            name: "RandomModels", dependencies: ["Architectures", "Checkpoints", "Tokenizers", "TestRandomness"], path: "Tests/RandomModels"
        ),
        .executableTarget(
            name: "StepProbe", dependencies: ["Engine", "Models", "Adapters", "Checkpoints", "Tensors", "RandomModels"],
            path: "Tests/StepProbe", exclude: ["count_calls.py"]),
        .executableTarget(name: "StoreProbe", dependencies: ["AdapterRegistry"], path: "Tests/StoreProbe"),
        .testTarget(name: "KernelsTests", dependencies: ["Kernels", "TestRandomness"]),
        .testTarget(name: "TensorsTests", dependencies: ["Tensors", "Kernels", "TestRandomness"]),
        .testTarget(name: "ProcessesTests", dependencies: ["Processes"]),
        .testTarget(name: "JSONTextTests", dependencies: ["JSONText", "TestRandomness"]),
        .testTarget(name: "CheckpointsTests", dependencies: ["Checkpoints", "TestSupport", "TestRandomness"]),
        .testTarget(
            name: "TokenizersTests",
            dependencies: ["Tokenizers", "Checkpoints", "JSONText", "RandomModels", "TestSupport", "TestRandomness"]),
        .testTarget(name: "JinjaTests", dependencies: ["Jinja", "JSONText", "TestSupport", "TestRandomness"]),
        .testTarget(
            name: "AdaptersTests",
            dependencies: ["Adapters", "Inspection", "Checkpoints", "JSONText", "Tensors", "TestSupport", "TestRandomness"]),
        .testTarget(
            name: "ModelsTests",
            dependencies: [
                "AdapterRegistry", "Models", "Adapters", "Tokenizers", "Jinja", "Checkpoints", "JSONText", "Tensors", "TestSupport",
                "RandomModels", "TestRandomness",
            ]),
        .testTarget(
            name: "EngineTests",
            dependencies: [
                "AdapterRegistry", "Engine", "Models", "Adapters", "Architectures", "Checkpoints", "Tokenizers", "Tensors", "TestSupport",
                "RandomModels", "TestRandomness",
            ]),
        .testTarget(
            name: "AdapterRegistryTests",
            dependencies: [
                "AdapterRegistry", "Downloads", "Adapters", "Digests", "JSONText", "CZstd", "StoreProbe", "TestSupport", "TestRandomness",
            ]),
        .testTarget(name: "DownloadsTests", dependencies: ["Downloads", "Checkpoints"]),
        .testTarget(
            name: "TLSTests",
            dependencies: [
                "TLS", "CTLS", .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
            ]),
        .testTarget(name: "DigestsTests", dependencies: ["Digests"]),
        .testTarget(
            name: "AnsweringTests",
            dependencies: [
                "Answering", "Evaluation", "Workbench", "AdapterRegistry", "Engine", "JSONText", "Models", "RandomModels", "TestRandomness",
            ]),
        .testTarget(
            name: "InspectionTests",
            dependencies: [
                "Inspection", "Workbench", "AdapterRegistry", "Engine", "Models", "Adapters", "Architectures", "Texts", "Tokenizers",
                "Checkpoints", "JSONText", "Tensors", "RandomModels", "TestSupport", "TestRandomness",
            ]),
        .testTarget(
            name: "TrainingTests",
            dependencies: [
                "Training", "Adapters", "Texts", "Checkpoints", "JSONText", "Measuring", "Models", "Tensors", "RandomModels", "TestSupport",
                "TestRandomness",
            ]),
        .testTarget(name: "TerminalTests", dependencies: ["Terminal"]),
        .testTarget(name: "TextsTests", dependencies: ["Texts", "Jinja"]),
        .testTarget(
            name: "LoadTestTests",
            dependencies: [
                "LoadTest", "JSONText", "Measuring", "TestRandomness",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        .testTarget(name: "EvaluationTests", dependencies: ["Evaluation", "Checkpoints", "JSONText", "Measuring", "TestRandomness"]),
        .testTarget(
            name: "ServerTests",
            dependencies: [
                "Server", "TLS", "AdapterRegistry", "Downloads", "Curl", "Engine", "Adapters", "Jinja", "JSONText", "TestRandomness",
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
    ]
)

/// What computes by the million in tests and when the server is tried: optimised in debug builds too.
let optimised: Set = [
    "JSONText", "Tensors", "Checkpoints", "Jinja", "Tokenizers", "Adapters", "Models", "Engine", "Training", "Evaluation",
    "TestRandomness", "KernelsTests", "TensorsTests",
]

for target in package.targets where target.type != .system && target.name != "Kernels" {
    target.swiftSettings = swiftSettings + (optimised.contains(target.name) ? [.unsafeFlags(["-O"], .when(configuration: .debug))] : [])
}
