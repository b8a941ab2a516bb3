// swift-tools-version: 6.2
import PackageDescription

// The table of modules, which the tidy test reads too: a module may import what stands here and the
// standard library, nothing else.

/// C libraries from the system, found by pkg-config.
let systemLibraries: [Target] = [
    // MQTT 5 client, the field's reference implementation; its loop lets us hold back PUBACKs.
    .systemLibrary(
        name: "CMosquitto", pkgConfig: "libmosquitto", providers: [.apt(["libmosquitto-dev"])]),
    // Durable store of device and registry.
    .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    // gzip for log pages and C-MAPSS files.
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    // Ed25519 and SHA-256: costs no build, unlike swift-crypto (5 minutes).
    .systemLibrary(
        name: "CSodium", pkgConfig: "libsodium", providers: [.apt(["libsodium-dev"])]),
    // HTTP and TLS for the object store on a server: costs no build, unlike async-http-client (21
    // minutes), and is on every Debian.
    .systemLibrary(
        name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    // Gradient boosting in the back office: the real library, never a reimplementation.
    .systemLibrary(
        name: "CXGBoost", pkgConfig: "xgboost", providers: [.apt(["libxgboost-dev"])]),
    // Matrix products of the recurrent nets' training: as fast as PyTorch on one thread, faster on
    // two, in 10 MB.
    .systemLibrary(
        name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    // A full search for the most probable trend, written by others: every trained trend model is
    // compared with it. 90 KB.
    .systemLibrary(
        name: "CLBFGS", pkgConfig: "liblbfgs", providers: [.apt(["liblbfgs-dev"])]),
]

let argumentParser: Target.Dependency =
    .product(name: "ArgumentParser", package: "swift-argument-parser")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")

/// Pure modules: no clock, file, socket, task, global or hidden randomness.
let core: [Target] = [
    .target(name: "StrictJSON"),
    .target(name: "Prognostics"),
    .target(name: "Features", dependencies: ["Prognostics"]),
    // The hot loops, in C for its vector instructions: each instruction set's code is compiled
    // into every build, and chosen by what the processor has.
    .target(name: "CInt8Kernels"),
    .target(name: "Inference", dependencies: ["CInt8Kernels", "Features", "Prognostics"]),
    // Mergeable sketches of what a fleet's readings say, for device and back office alike.
    .target(name: "Drift", dependencies: ["Features", "Prognostics"]),
    .target(
        name: "ModelBundle", dependencies: ["Inference", "Features", "Prognostics", "StrictJSON"]),
    .target(
        name: "EdgeProtocol",
        dependencies: ["ModelBundle", "Drift", "Prognostics", "StrictJSON"]),
    .target(
        name: "EdgeCore",
        dependencies: [
            "EdgeProtocol", "ModelBundle", "Inference", "Features", "Drift", "Prognostics",
        ]),
]

/// One thin owner per C library.
let adapters: [Target] = [
    .target(name: "Mosquitto", dependencies: ["CMosquitto"]),
    .target(name: "SQLite", dependencies: ["CSQLite"]),
    .target(name: "Zlib", dependencies: ["CZlib"]),
    .target(name: "Sodium", dependencies: ["CSodium", "Prognostics"]),
    .target(name: "Curl", dependencies: ["CCurl"]),
]

/// Whether Tests/Sanitize/sanitize.sh builds.
let sanitizes = Context.environment["NACELLE_SANITIZE"] != nil

/// The device's shell; never Foundation, never a back-office module.
let device: [Target] = [
    .target(
        name: "EdgeRuntime",
        dependencies: [
            "EdgeCore", "EdgeProtocol", "ModelBundle", "Inference", "Features", "Prognostics",
            "StrictJSON", "Mosquitto", "SQLite", "Zlib", "Sodium", logging,
        ]),
    .executableTarget(
        name: "edge-agent", dependencies: ["EdgeRuntime"],
        // The device gets one file: Swift's run-time libraries are linked into it. A sanitizer
        // watches them from outside.
        linkerSettings: sanitizes ? [] : [.unsafeFlags(["-static-stdlib"])]),
]

let backOffice: [Target] = [
    .target(
        name: "Datasets",
        dependencies: ["Prognostics", "StrictJSON", "Zlib"]),
    .target(
        name: "Training",
        dependencies: [
            "Datasets", "Inference", "Features", "Prognostics", "StrictJSON", "CXGBoost",
            "COpenBLAS", "CLBFGS",
        ]),
    .target(
        name: "Quantization",
        dependencies: [
            "Training", "Datasets", "ModelBundle", "Inference", "Features", "Prognostics",
        ]),
    .target(
        name: "Evaluation",
        dependencies: [
            "Datasets", "Drift", "Inference", "Features", "Prognostics", "StrictJSON",
        ]),
    .target(name: "Fleet", dependencies: ["EdgeProtocol", "Prognostics", "StrictJSON"]),
    .target(name: "Dashboard", dependencies: ["Evaluation", "Prognostics", "StrictJSON"]),
    .target(name: "Registry", dependencies: ["SQLite", "Evaluation", "Prognostics"]),
    .target(name: "ObjectStore", dependencies: ["Curl", "Sodium", "Prognostics"]),
    .target(name: "Parquet", dependencies: ["Zlib"]),
    .target(
        name: "BackofficePipeline",
        dependencies: [
            "Registry", "ObjectStore", "Evaluation", "Quantization", "Training", "Datasets",
            "Drift", "EdgeProtocol", "ModelBundle", "Inference", "Features", "Prognostics",
            "StrictJSON", "Mosquitto", "Parquet", "Zlib", "Sodium", "Dashboard", "Fleet",
            "Curl",
        ]),
    .executableTarget(
        name: "backoffice",
        dependencies: [
            "BackofficePipeline", "Dashboard", "Registry", "ObjectStore", "Evaluation", "Training",
            "Datasets", "EdgeProtocol", "Prognostics", "StrictJSON", "Fleet", argumentParser,
        ]),
]

let tests: [Target] = [
    // What several suites need: a private broker, temporary folders, NASA's files, Python oracles.
    .target(name: "TestSupport", path: "Tests/TestSupport"),
    .testTarget(
        name: "StrictJSONTests", dependencies: ["StrictJSON", "TestSupport"],
        exclude: ["Oracles"]),
    .testTarget(name: "PrognosticsTests", dependencies: ["Prognostics"]),
    .testTarget(
        name: "FeaturesTests", dependencies: ["Features", "Prognostics", "TestSupport"],
        exclude: ["Oracles"]),
    .testTarget(
        name: "InferenceTests",
        dependencies: ["Inference", "Features", "Prognostics", "TestSupport"]),
    .testTarget(
        name: "ModelBundleTests",
        dependencies: [
            "ModelBundle", "Inference", "Features", "Prognostics", "StrictJSON", "TestSupport",
        ]),
    .testTarget(
        name: "EdgeProtocolTests",
        dependencies: [
            "EdgeProtocol", "Drift", "Features", "Prognostics", "StrictJSON", "TestSupport",
        ]),
    // A seeded world around the device's machine, and a checker that shares no code with it.
    .target(
        name: "Simulation",
        dependencies: ["EdgeCore", "EdgeProtocol", "Inference", "Features", "Prognostics"],
        path: "Tests/Simulation"),
    .executableTarget(
        name: "simulate-edge", dependencies: ["Simulation"], path: "Tests/simulate-edge"),
    .testTarget(
        name: "SimulationTests", dependencies: ["Simulation", "TestSupport"]),
    .testTarget(
        name: "EdgeCoreTests",
        dependencies: [
            "EdgeCore", "EdgeProtocol", "Inference", "Features", "Drift", "Prognostics",
            "StrictJSON", "Simulation",
        ]),
    .testTarget(
        name: "AdapterTests",
        dependencies: ["Mosquitto", "SQLite", "Zlib", "Sodium", "Prognostics", "TestSupport"]),
    // An SQLite VFS that loses power, runs full and fails; in C because SQLite calls it.
    .target(name: "CFaultyDisk", dependencies: ["CSQLite"], path: "Tests/CFaultyDisk"),
    .testTarget(
        name: "EdgeRuntimeTests",
        dependencies: [
            "EdgeRuntime", "EdgeCore", "EdgeProtocol", "ModelBundle", "Features", "Prognostics",
            "Mosquitto", "SQLite", "Zlib", "Sodium", "CFaultyDisk", "Simulation", "TestSupport",
        ]),
    .testTarget(name: "DatasetsTests", dependencies: ["Datasets", "Prognostics", "TestSupport"]),
    .testTarget(
        name: "TrainingTests",
        dependencies: [
            "Training", "Quantization", "ModelBundle", "Inference", "Features", "Datasets",
            "Prognostics", "TestSupport",
        ],
        exclude: ["Oracles"]),
    .testTarget(
        name: "ParquetTests", dependencies: ["Parquet", "TestSupport"], exclude: ["Oracles"]),
    .testTarget(
        name: "EvaluationTests",
        dependencies: [
            "Evaluation", "Datasets", "ModelBundle", "Prognostics", "StrictJSON", "TestSupport",
        ],
        exclude: ["Oracles"]),
    // A simulated fleet that is watched for drift, for suite and command alike.
    .target(
        name: "DriftStudy",
        dependencies: [
            "Drift", "Evaluation", "Training", "Quantization", "ModelBundle", "Inference",
            "Features", "Datasets", "Prognostics",
        ],
        path: "Tests/DriftStudy"),
    .executableTarget(
        name: "study-drift", dependencies: ["DriftStudy", "Evaluation", "Datasets"],
        path: "Tests/study-drift"),
    .testTarget(
        name: "DriftTests",
        dependencies: [
            "Drift", "DriftStudy", "Evaluation", "Datasets", "Features", "Prognostics",
            "StrictJSON", "TestSupport",
        ],
        exclude: ["Oracles"]),
    .testTarget(
        name: "FleetTests", dependencies: ["Fleet", "EdgeProtocol", "Prognostics", "StrictJSON"]),
    .testTarget(
        name: "DashboardTests",
        dependencies: ["Dashboard", "Evaluation", "Prognostics", "StrictJSON", "TestSupport"],
        exclude: ["Oracles"]),
    .testTarget(
        name: "ObjectStoreTests", dependencies: ["ObjectStore", "TestSupport"],
        exclude: ["Oracles"]),
    .testTarget(
        name: "BackofficePipelineTests",
        dependencies: [
            "BackofficePipeline", "Dashboard", "Registry", "ObjectStore", "Evaluation", "Datasets",
            "Prognostics", "Features", "Inference", "Fleet",
            "EdgeProtocol", "ModelBundle", "StrictJSON", "Mosquitto", "Sodium", "SQLite", "Zlib",
            "Training", "Parquet", "TestSupport",
        ]),
    .testTarget(
        name: "EndToEndTests",
        dependencies: [
            "TestSupport", "EdgeProtocol", "Features", "Prognostics", "StrictJSON", "Mosquitto",
            "SQLite", "Sodium",
        ]),
    // Every decoder with what it must keep to whatever it is given, for suite and fuzzer alike.
    .target(
        name: "FuzzDecoders",
        dependencies: [
            "EdgeRuntime", "EdgeCore", "EdgeProtocol", "ModelBundle", "Inference", "Features",
            "Drift", "Prognostics", "StrictJSON", "Datasets", "Parquet", "Sodium", "Zlib",
        ],
        path: "Tests/FuzzDecoders"),
    .testTarget(
        name: "FuzzTests", dependencies: ["FuzzDecoders", "ModelBundle", "TestSupport"]),
    .systemLibrary(name: "CLibFuzzer", path: "Tests/CLibFuzzer"),
    // Links only with `-sanitize=fuzzer`; see Tests/Fuzz/fuzz.sh.
    .executableTarget(
        name: "Fuzz", dependencies: ["CLibFuzzer", "FuzzDecoders", "Datasets"], path: "Tests/Fuzz",
        exclude: ["Crashers", "Seeds", "fuzz.sh"]),
    // Times the hot paths for Benchmarks/bench.py; built by `make bench` alone.
    .executableTarget(
        name: "bench-inference",
        dependencies: [
            "ModelBundle", "Inference", "Features", "EdgeProtocol", "Prognostics", "StrictJSON",
        ],
        path: "Benchmarks/bench-inference"),
    .testTarget(name: "TidyTests", dependencies: ["TestSupport"]),
    // What one writes first, for the kill test to compare the agent with: libmosquitto's own loop.
    .executableTarget(
        name: "naive-subscriber", dependencies: ["CMosquitto", "CSQLite"],
        path: "Tests/Kill/Naive"),
]

/// Fuzzer, mutations and sanitizers build few suites, named in the environment; else all are.
let chosen = Context.environment["NACELLE_SUITES"].map {
    Set($0.split(separator: " ").map(String.init))
}
let benches = Context.environment["NACELLE_BENCH"] != nil
let fuzzes = Context.environment["NACELLE_FUZZ"] != nil
let chosenTests = tests.filter { target in
    if target.name == "Fuzz" { return fuzzes }
    if target.name == "bench-inference" { return benches }
    return !target.isTest || chosen?.contains(target.name) ?? true
}

let package = Package(
    name: "nacelle",
    products: [
        .executable(name: "edge-agent", targets: ["edge-agent"]),
        .executable(name: "backoffice", targets: ["backoffice"]),
    ],
    dependencies: [
        // Commands, help and validation of the back office; the device parses its few flags itself,
        // because this library brings FoundationEssentials (6 MB).
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        // Structured log lines on the device, without Foundation.
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    ],
    targets: systemLibraries + core + adapters + device + backOffice + chosenTests,
    swiftLanguageModes: [.v6]
)

for target in package.targets where target.type != .system {
    target.swiftSettings = [
        .enableUpcomingFeature("ExistentialAny"),  // SE-0335
        .enableUpcomingFeature("MemberImportVisibility"),  // SE-0444
        .enableUpcomingFeature("InternalImportsByDefault"),  // SE-0409
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),  // SE-0461
        .treatAllWarnings(as: .error),  // SE-0480
    ]
}
