import Adapters
import Checkpoints
import Foundation
import JSONText

/// What the latents of an SAE stand for, from the `labels.json` in its folder: `{"4637": "doubt"}` for every hookpoint alike, or
/// `{"layers.12": {"4637": "doubt"}}` for each its own. It changes nothing about what the adapter does, and is not part of its digest.
package struct LatentLabels: Sendable, Equatable {
    package static let file = "labels.json"
    private static let sizeLimit = 64 << 20

    private var shared: [Int: String] = [:]
    private var byHookpoint: [HookPoint: [Int: String]] = [:]

    package init() {}

    /// - Parameter shared: labels by latent number; what is no number is left out.
    package init(shared: [String: String]) {
        for (latent, label) in shared { self.shared[Int(latent) ?? -1] = label }
        self.shared[-1] = nil
    }

    /// Empty when there is no such file.
    /// - Throws: `AdapterError.badFile` when the file is not of that form.
    init(folder: URL, adapter: String) throws(AdapterError) {
        let path = folder.appendingPathComponent(Self.file).path
        guard FileManager.default.fileExists(atPath: path) else { return }
        func bad(_ problem: String) -> AdapterError { .badFile(adapter: adapter, file: Self.file, problem: problem) }
        let json: JSON
        do {
            json = try JSON(file: path, rules: JSON.Rules(maximumBytes: Self.sizeLimit))
        } catch {
            throw AdapterError(error, adapter: adapter, file: Self.file, path: path)
        }
        guard let object = json.object else { throw bad("got \(json.kind), wanted an object") }
        for (key, value) in object {
            switch value {
            case .string(let label):
                guard let latent = Int(key), latent >= 0 else { throw bad("'\(key.prefix(40))' has a label but is no latent number") }
                shared[latent] = label
            case .object(let labels):
                guard let hookpoint = HookPoint(key) else { throw bad("'\(key.prefix(40))' is no hookpoint such as layers.12") }
                for (number, label) in labels {
                    guard let latent = Int(number), latent >= 0, let label = label.string else {
                        throw bad("'\(key)' holds '\(number.prefix(40))', wanted latent numbers with a text each")
                    }
                    byHookpoint[hookpoint, default: [:]][latent] = label
                }
            default: throw bad("'\(key.prefix(40))' is \(value.kind), wanted a text, or an object of latents and texts")
            }
        }
    }

    package var isEmpty: Bool { shared.isEmpty && byHookpoint.isEmpty }

    /// Of all hookpoints together.
    package var count: Int { shared.count + byHookpoint.values.reduce(0) { $0 + $1.count } }

    /// What is said of the hookpoint itself goes before what is said of all.
    package subscript(hookpoint: HookPoint, latent: Int) -> String? { byHookpoint[hookpoint]?[latent] ?? shared[latent] }

    /// Fills in what `other` says and this does not.
    mutating func merge(_ other: LatentLabels) {
        shared.merge(other.shared) { own, _ in own }
        for (hookpoint, labels) in other.byHookpoint { byHookpoint[hookpoint, default: [:]].merge(labels) { own, _ in own } }
    }
}
