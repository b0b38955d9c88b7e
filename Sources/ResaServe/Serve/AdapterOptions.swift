import AdapterRegistry
import ArgumentParser
import Downloads
import Foundation
import Tensors

/// How `resa serve` keeps adapters in memory, sees them change, and lets requests change them.
struct AdapterOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Memory that loaded adapters may take; the one that was not used for longest goes first. (default: a quarter of what is free once the model is loaded)",
            valueName: "MiB"))
    var adapterMemory: Int?

    @Option(help: ArgumentHelp("How often to look for adapters that came, changed or went; 0 looks only when asked.", valueName: "seconds"))
    var adapterWatch = 2.0

    @Option(
        help: ArgumentHelp(
            "How long the files of an adapter's folder must have been left alone before a change to it counts.", valueName: "seconds"))
    var adapterSettle = 0.5

    @Flag(
        help:
            "Let requests add, remove, load, unload and pin adapters. Whoever may send requests may then do so: use it with --api-key, or on an address that only you reach."
    )
    var allowAdapterChanges = false

    @Option(
        name: .customLong("allow-adapters-from"),
        help: ArgumentHelp(
            "A folder of this machine from which requests may add adapters, beside --adapters; may be repeated.", valueName: "folder"))
    var allowedFolders: [String] = []

    @Option(
        name: .customLong("allow-pulls"),
        help: ArgumentHelp(
            """
            A host from which requests may fetch adapters, by https and at public addresses only; *.HOST for all below it. Or one server as \
            SCHEME://HOST[:PORT], which may have a private address, and be http. May be repeated. (default: none)
            """, valueName: "host"))
    var allowedPulls: [String] = []

    @Option(help: ArgumentHelp("Most bytes that one request may fetch.", valueName: "bytes"))
    var pullLimit = 8 << 30

    func validate() throws {
        func check(_ valid: Bool, _ message: String) throws { if !valid { throw ValidationError(message) } }
        try Limits.check([("--adapter-memory", adapterMemory, 0...1 << 30)])
        try Limits.check([("--adapter-watch", adapterWatch, 0...86_400), ("--adapter-settle", adapterSettle, 0...86_400)])
        try Limits.check([("--pull-limit", pullLimit, 1...)])
        for place in allowedPulls {
            try check(
                PullPolicy.isPlace(place), "--allow-pulls is '\(place)', but must be a host's name or SCHEME://HOST[:PORT]")
        }
        try CompanionOptions.check(!allowedPulls.isEmpty, "--allow-pulls", [("--pull-limit", pullLimit != 8 << 30)])
        try check(
            allowAdapterChanges || (allowedFolders.isEmpty && allowedPulls.isEmpty),
            "--allow-adapters-from and --allow-pulls go with --allow-adapter-changes")
    }

    var memoryBytes: Int { adapterMemory.map { $0 << 20 } ?? max(MachineProbe.memoryAvailable / 4, 64 << 20) }
    var settleSeconds: Double { adapterSettle }

    /// Nil when requests may change nothing.
    func keeper(of registry: AdapterRegistry, folder: String?) throws -> AdapterKeeper? {
        guard allowAdapterChanges else { return nil }
        var settings = PullSettings()
        settings.policy = PullPolicy(places: allowedPulls)
        (settings.fileLimit, settings.totalLimit) = (pullLimit, pullLimit)
        var rules = AdapterKeeper.Rules(puller: Puller(hub: try HubEnvironment.read(), settings: settings))
        rules.folders = AllowedFolders(([folder].compactMap(\.self) + allowedFolders).map { URL(fileURLWithPath: $0, isDirectory: true) })
        return AdapterKeeper(registry, rules: rules)
    }

    /// Nil when nobody is to look.
    func watch(_ registry: AdapterRegistry) -> Task<Void, Never>? {
        let seconds = adapterWatch
        return seconds > 0 ? Task { await registry.watch(every: seconds) } : nil
    }
}
