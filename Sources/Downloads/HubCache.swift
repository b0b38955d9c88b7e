import Foundation

/// Where the Hub's own tools keep what they downloaded: `models--ORG--NAME/snapshots/COMMIT/`, and in `refs/main` which commit is current.
package struct HubCache: Sendable {
    package let folder: URL

    package init(folder: URL) { self.folder = folder }

    /// `HF_HUB_CACHE`, `HUGGINGFACE_HUB_CACHE`, or `hub` in the Hub's home (`HF_HOME`, else `huggingface` in `XDG_CACHE_HOME` or `~/.cache`).
    package static func standard(environment: [String: String] = ProcessInfo.processInfo.environment) -> HubCache {
        func value(_ name: String) -> String? {
            environment[name].flatMap { $0.isEmpty ? nil : NSString(string: $0).expandingTildeInPath }
        }
        let home = environment["HOME"].flatMap { $0.isEmpty ? nil : $0 } ?? NSHomeDirectory()
        let hubHome = value("HF_HOME") ?? "\(value("XDG_CACHE_HOME") ?? "\(home)/.cache")/huggingface"
        let folder = value("HF_HUB_CACHE") ?? value("HUGGINGFACE_HUB_CACHE") ?? "\(hubHome)/hub"
        return HubCache(folder: URL(fileURLWithPath: folder, isDirectory: true))
    }

    /// The snapshot of `ORG/NAME` that `main` means, or one of those that are there; nil when there is none.
    package func snapshot(of repository: String) -> URL? {
        let parts = repository.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, parts.allSatisfy({ !$0.isEmpty && !$0.hasPrefix(".") }) else { return nil }
        let place = folder.appendingPathComponent("models--" + parts.joined(separator: "--"), isDirectory: true)
        let snapshots = place.appendingPathComponent("snapshots", isDirectory: true)
        let commits = (try? FileManager.default.contentsOfDirectory(atPath: snapshots.path))?.filter { !$0.hasPrefix(".") } ?? []
        let main = try? String(contentsOf: place.appendingPathComponent("refs/main"), encoding: .utf8)
        let wanted = main?.trimmingCharacters(in: .whitespacesAndNewlines)
        guard let commit = commits.first(where: { $0 == wanted }) ?? commits.min() else { return nil }
        return snapshots.appendingPathComponent(commit, isDirectory: true)
    }
}
