import Foundation

/// What the Hub's own tools read from the environment.
package struct HubEnvironment: Sendable, Equatable {
    /// `HF_ENDPOINT`.
    package var endpoint: WebAddress
    /// `HF_TOKEN`, else what stands in the file `HF_TOKEN_PATH`, else in `token` of the Hub's home (`HF_HOME`); sent to the endpoint alone.
    package var token: String?
    /// `HF_HUB_OFFLINE`.
    package var isOffline: Bool

    static let standardEndpoint = "https://huggingface.co"

    package init(endpoint: WebAddress, token: String? = nil, isOffline: Bool = false) {
        (self.endpoint, self.token, self.isOffline) = (endpoint, token, isOffline)
    }

    /// - Throws: `PullError.badSource` when `HF_ENDPOINT` is no address or the token cannot stand in a header.
    package static func read(_ environment: [String: String] = ProcessInfo.processInfo.environment) throws(PullError) -> HubEnvironment {
        func value(_ name: String) -> String? {
            environment[name].map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }.flatMap { $0.isEmpty ? nil : $0 }
        }
        func isOn(_ name: String) -> Bool { ["1", "ON", "YES", "TRUE"].contains(value(name)?.uppercased() ?? "") }
        var token: String?
        if !isOn("HF_HUB_DISABLE_IMPLICIT_TOKEN") {
            token = value("HF_TOKEN") ?? value("HUGGING_FACE_HUB_TOKEN") ?? tokenFile(value)
        }
        if let token, !token.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) {
            throw .badSource(text: "the Hub's token", reason: "it holds other characters than printable ASCII")
        }
        let endpoint = try WebAddress(value("HF_ENDPOINT") ?? standardEndpoint)
        return HubEnvironment(endpoint: endpoint, token: token, isOffline: isOn("HF_HUB_OFFLINE") || isOn("TRANSFORMERS_OFFLINE"))
    }

    private static func tokenFile(_ value: (String) -> String?) -> String? {
        let cache = value("XDG_CACHE_HOME") ?? "\(NSHomeDirectory())/.cache"
        let home = value("HF_HOME") ?? "\(cache)/huggingface"
        let path = NSString(string: value("HF_TOKEN_PATH") ?? "\(home)/token").expandingTildeInPath
        guard let file = FileHandle(forReadingAtPath: path), let data = try? file.read(upToCount: 4096) else { return nil }
        let text = String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        return text.isEmpty ? nil : text
    }

    func listing(of reference: HubReference) throws(PullError) -> WebAddress {
        try at("api/models/\(reference.organisation)/\(reference.repository)/revision/\(revision(reference.revision))?blobs=true")
    }

    func file(_ path: String, of reference: HubReference, commit: String) throws(PullError) -> WebAddress {
        try at("\(reference.organisation)/\(reference.repository)/resolve/\(revision(commit))/\(RemotePath.percentEncoded(path))")
    }

    private func revision(_ text: String) -> String { RemotePath.percentEncoded(text, keepingSlashes: false) }

    private func at(_ path: String) throws(PullError) -> WebAddress {
        try WebAddress(endpoint.text + (endpoint.text.hasSuffix("/") ? "" : "/") + path)
    }
}
