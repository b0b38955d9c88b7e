import AdapterRegistry
import ArgumentParser
import Downloads
import Foundation
import Terminal

/// What `resa adapters pull` and `resa models pull` have in common.
struct PullOptions: ParsableArguments {
    @Argument(help: "hf:ORG/REPO[@REV][/SUBPATH], https://HOST/FILE or file:PATH.")
    var source: String

    @Option(help: "What it is called then. (default: the last part of the source)")
    var name: String?

    @Option(help: ArgumentHelp("Pull only paths that match this shell pattern; may be repeated.", valueName: "pattern"))
    var include: [String] = []

    @Option(help: ArgumentHelp("Pull no path that matches this shell pattern; may be repeated.", valueName: "pattern"))
    var exclude: [String] = []

    @Option(help: ArgumentHelp("What a single file from the web must be: 64 hexadecimal digits.", valueName: "digest"))
    var sha256: String?

    @Flag(help: "Fetch nothing: succeed when an earlier pull is here. HF_HUB_OFFLINE=1 does the same.")
    var offline = false

    @Option(help: "Files fetched at the same time.")
    var parallel = PullSettings().parallelFiles

    @Option(help: "Tries after the first one, of each file, that bring nothing new.")
    var retries = PullSettings().retries

    @Option(help: ArgumentHelp("Before the first retry; doubles with each further one.", valueName: "seconds"))
    var retryWait = PullSettings().firstWait

    @Option(help: ArgumentHelp("Longest wait that a server may ask for.", valueName: "seconds"))
    var longestRetryAfter = PullSettings().longestRetryAfter

    @Option(help: ArgumentHelp("A connection that brings next to nothing for so long is given up and tried again.", valueName: "seconds"))
    var stall = PullSettings().stallSeconds

    @Option(help: ArgumentHelp("Most bytes of one file.", valueName: "bytes"))
    var fileLimit = PullSettings().fileLimit

    @Option(help: ArgumentHelp("Most bytes of all files.", valueName: "bytes"))
    var totalLimit = PullSettings().totalLimit

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        try Limits.check([
            ("--parallel", parallel, 1...64), ("--retries", retries, 0...1000), ("--longest-retry-after", longestRetryAfter, 0...86_400),
            ("--stall", stall, 1...86_400),
        ])
        try Limits.check([("--retry-wait", retryWait, 0...3600)])
        if fileLimit < 0 || totalLimit < 0 { throw ValidationError("--file-limit and --total-limit must be 0 or more") }
        if let sha256, sha256.count != 64 || !sha256.allSatisfy(\.isHexDigit) {
            throw ValidationError("--sha256 must be 64 hexadecimal digits")
        }
        if let name, !PullDestination.isName(name) {
            throw ValidationError("--name is '\(name)', but must be a plain name, which begins with no dot")
        }
    }

    /// What would say nothing about a source of this kind.
    /// - Throws: `CommandError`.
    func check(_ source: PullSource) throws(CommandError) {
        let isWeb = if case .web = source { true } else { false }
        if sha256 != nil, !isWeb {
            throw CommandError("--sha256 is for a single file from the web; files of the Hub are checked against what it says of them")
        }
        if isWeb, !include.isEmpty || !exclude.isEmpty { throw CommandError("--include and --exclude choose among files, and this is one") }
    }

    var settings: PullSettings {
        var settings = PullSettings()
        settings.parallelFiles = parallel
        settings.retries = retries
        settings.firstWait = retryWait
        settings.longestRetryAfter = longestRetryAfter
        settings.stallSeconds = stall
        settings.fileLimit = fileLimit
        settings.totalLimit = totalLimit
        settings.isOffline = offline
        return settings
    }

    func selection(_ purpose: FileSelection.Purpose) -> FileSelection {
        var selection = FileSelection(purpose)
        (selection.include, selection.exclude) = (include, exclude)
        return selection
    }

    /// Pulls into a folder of `parent` and says on standard output where that is.
    func pull(_ purpose: FileSelection.Purpose, into parent: URL) async throws {
        let source = try PullSource(source)
        try check(source)
        let puller = Puller(hub: try HubEnvironment.read(), settings: settings)
        let destination = try PullDestination(parent: parent, name: name ?? source.name)
        let display = PullDisplay(source.description)
        let pulled: PulledFiles
        do {
            pulled = try await destination.pull(
                source, with: puller, selection: selection(purpose), sha256: sha256?.lowercased()
            ) { display.show($0) }
        } catch {
            display.breakOff()
            throw error
        }
        display.finish()
        try report(pulled, destination)
    }

    private func report(_ pulled: PulledFiles, _ destination: PullDestination) throws {
        let path = destination.usablePath(pulled)
        if json { return try Console.printJSON(PullReport(pulled, path: path)) }
        note(pulled)
        Console.printLine(path)
    }

    /// Says on standard error what came.
    func note(_ pulled: PulledFiles) {
        let fetched = pulled.bytes - pulled.bytesFound
        Console.note(
            "resa: \(pulled.source)\(pulled.commit.map { " at commit \($0.prefix(12))" } ?? ""): \(pulled.files.count) files, "
                + "\(Quantity.bytes(pulled.bytes))\(fetched < pulled.bytes ? ", of which \(Quantity.bytes(pulled.bytesFound)) were here" : "")\n"
        )
    }
}
