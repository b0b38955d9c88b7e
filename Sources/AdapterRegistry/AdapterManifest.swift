import Adapters
import Checkpoints
import Foundation
import JSONText

/// The optional `manifest.json` of an adapter's folder: free-form notes on what it is and how it was made, of which `base_model`,
/// `description` and `labels` are shown. It changes nothing about what the adapter does, and is not part of its digest.
struct AdapterManifest: Sendable {
    static let file = "manifest.json"
    private static let sizeLimit = 16 << 20

    var baseModel: String?
    var description: String?
    /// Only labels that are strings.
    var labels: [String: String] = [:]

    /// An empty one when there is no such file.
    init(folder: URL, adapter: String) throws(AdapterError) {
        let path = folder.appendingPathComponent(Self.file).path
        guard FileManager.default.fileExists(atPath: path) else { return }
        let json: JSON
        do {
            json = try JSON(file: path, rules: JSON.Rules(maximumBytes: Self.sizeLimit))
        } catch {
            throw AdapterError(error, adapter: adapter, file: Self.file, path: path)
        }
        guard json.object != nil else {
            throw .badFile(adapter: adapter, file: Self.file, problem: "got \(json.kind), wanted an object")
        }
        baseModel = json["base_model"]?.string
        description = json["description"]?.string
        for (name, value) in json["labels"]?.object ?? [:] { labels[name] = value.string }
    }
}
