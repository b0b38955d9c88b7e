// swift-tools-version: 6.2
import PackageDescription

// The readers built once more, under AddressSanitizer and libFuzzer's coverage. `run.sh` builds and runs it; sources are links.

let cSettings: [CSetting] = [
    .unsafeFlags(["-O1", "-g", "-std=c17", "-fno-math-errno", "-ffp-contract=off", "-fsanitize=address,fuzzer-no-link"]),
    .headerSearchPath("."),
]
let swiftSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6), .enableUpcomingFeature("ExistentialAny"),
    .unsafeFlags(["-O", "-g", "-sanitize=address,fuzzer"]),
]

let package = Package(
    name: "reader-fuzzer",
    platforms: [.macOS(.v15)],
    targets: [
        .executableTarget(
            name: "ReaderFuzzer", dependencies: ["Models", "Adapters", "Tokenizers", "Jinja", "Checkpoints", "JSONText", "Tensors"],
            swiftSettings: [.unsafeFlags(["-parse-as-library"])],
            linkerSettings: [.unsafeFlags(["-sanitize=address,fuzzer", "-parse-as-library"])]),
        .target(name: "Models", dependencies: ["Adapters", "Architectures", "Tokenizers", "Jinja", "Checkpoints", "JSONText", "Tensors"]),
        .target(name: "Architectures", dependencies: ["Checkpoints", "JSONText"]),
        .target(name: "Adapters", dependencies: ["Architectures", "Checkpoints", "JSONText", "Tensors", "CPCRE2"]),
        .target(name: "Tokenizers", dependencies: ["Checkpoints", "JSONText", "CPCRE2"]),
        .target(name: "Jinja", dependencies: ["JSONText"]),
        .target(name: "Checkpoints", dependencies: ["Digests", "JSONText", "Tensors", "CXXHash"]),
        .target(name: "Digests", dependencies: ["CCrypto"]),
        .target(name: "JSONText"),
        .target(name: "Tensors", dependencies: ["Kernels"]),
        .target(name: "Kernels", dependencies: ["COpenBLAS"], cSettings: cSettings),
        .systemLibrary(name: "COpenBLAS", path: "Sources/System/COpenBLAS", pkgConfig: "openblas"),
        .systemLibrary(name: "CPCRE2", path: "Sources/System/CPCRE2", pkgConfig: "libpcre2-8"),
        .systemLibrary(name: "CCrypto", path: "Sources/System/CCrypto", pkgConfig: "libcrypto"),
        .systemLibrary(name: "CXXHash", path: "Sources/System/CXXHash", pkgConfig: "libxxhash"),
    ]
)

for target in package.targets where target.type != .system && target.name != "Kernels" {
    target.swiftSettings = (target.swiftSettings ?? []) + swiftSettings
}
