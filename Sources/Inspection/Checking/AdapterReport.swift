import AdapterRegistry
import Adapters

/// One adapter as reports show it.
package struct AdapterReport: Encodable {
    package let name: String
    package let kind: String?
    package let digest: String?
    package let hookpoints: [String]
    package let rank: Int?
    package let latents: Int?
    package let bytes: Int
    package let baseModel: String?
    package let description: String?
    package let labels: [String: String]
    package let error: String?

    package init(_ summary: AdapterSummary) {
        name = summary.name
        kind = summary.kind?.rawValue
        digest = summary.digest
        hookpoints = summary.hookpoints.map(\.description)
        (rank, latents, bytes) = (summary.rank, summary.latents, summary.bytes)
        (baseModel, description, labels, error) = (summary.baseModel, summary.description, summary.labels, summary.error)
    }

    /// The essentials in a few words.
    package var outline: String {
        if let rank { return "rank \(rank)" }
        let places = hookpoints.count > 3 ? "\(hookpoints.count) hookpoints" : hookpoints.joined(separator: ", ")
        if let latents { return "\(latents) latents at \(places)" }
        return places.isEmpty ? "" : "vectors at \(places)"
    }
}

/// An adapter's folder and the tensors in its files.
package struct AdapterContents: Encodable {
    package struct File: Encodable {
        package struct Tensor: Encodable {
            package let name: String
            package let type: String
            package let shape: [Int]
        }

        package let name: String
        package let error: String?
        package let tensors: [Tensor]

        init(_ file: AdapterFolder.TensorFile) {
            name = file.name
            switch file.content {
            case .failure(let failure):
                error = failure.description
                tensors = []
            case .success(let content):
                error = nil
                tensors = content.tensorNames.sorted().compactMap(content.info).map {
                    Tensor(name: $0.name, type: "\($0.type)", shape: $0.shape)
                }
            }
        }
    }

    package let adapter: AdapterReport
    package let folder: String
    package let files: [File]

    /// - Parameter shape: the model to check its shapes against; nil checks it against itself only.
    package init(_ place: AdapterFolder, for shape: ModelShape?) {
        adapter = AdapterReport(place.summary(for: shape))
        folder = place.folder.path
        files = place.tensorFiles.map(File.init)
    }
}
