import Curl
import Foundation
import JSONText

/// The server under test, as far as a run has to know it beforehand: where its routes are, its models, its tokenizer.
struct OpenAIServer: Sendable {
    /// Without `/v1` and without a slash at the end.
    let root: String
    private let client: CurlClient
    private let apiKey: String?
    private static let timeout = Duration.seconds(30)

    /// - Throws: `LoadTestError.invalidURL`.
    init(url: String, apiKey: String?, client: CurlClient) throws(LoadTestError) {
        var root = String(url.trimmingBlanks())
        while root.hasSuffix("/") { root.removeLast() }
        if root.hasSuffix("/v1") { root.removeLast(3) }
        while root.hasSuffix("/") { root.removeLast() }
        guard let parsed = URL(string: root), ["http", "https"].contains(parsed.scheme?.lowercased()), parsed.host?.isEmpty == false,
            parsed.query == nil, parsed.fragment == nil
        else { throw .invalidURL(url) }
        self.root = root
        self.client = client
        self.apiKey = apiKey
    }

    var headers: [(name: String, value: String)] {
        var headers = [(name: "content-type", value: "application/json"), ("user-agent", "resa-bench")]
        if let apiKey { headers.append(("authorization", "Bearer \(apiKey)")) }
        return headers
    }

    /// What the server says of its models, in its order. Asking also shows that the server is there and takes the key.
    /// - Throws: `LoadTestError`.
    func models() async throws -> [ModelCard] {
        let (status, body) = try await fetch("/v1/models", body: nil)
        guard status == 200 else {
            let message = RequestFailure.message(inBody: body)
            if status == 401 || status == 403 { throw LoadTestError.unauthorised(url: root, message: message) }
            throw LoadTestError.refused(url: root + "/v1/models", status: status, message: message)
        }
        let list = try? JSON(parsing: body, rules: .message)
        return list?["data"]?.array?.compactMap(ModelCard.init) ?? []
    }

    /// - Returns: how many tokens `text` has without special tokens, as far as the server heeds that; nil when it has no `/tokenize` that
    ///   answers like resa's, vLLM's or llama.cpp's.
    func countTokens(_ text: String, model: String) async throws -> Int? {
        let question: JSON = [
            "model": .string(model), "prompt": .string(text), "content": .string(text), "add_special_tokens": false, "add_special": false,
        ]
        let (status, body) = try await fetch("/tokenize", body: JSONWriter.bytes(question))
        guard status == 200, let answer = try? JSON(parsing: body, rules: .message) else { return nil }
        return answer["count"]?.int ?? answer["tokens"]?.array?.count
    }

    private func fetch(_ path: String, body: [UInt8]?) async throws -> (status: Int, body: [UInt8]) {
        let request = CurlRequest(body == nil ? "GET" : "POST", root + path, headers: headers, body: body, timeout: Self.timeout)
        do {
            let response = try await client.fetch(request)
            return (response.head.status, response.body)
        } catch {
            if error.kind == .cancelled { throw CancellationError() }
            throw LoadTestError.unreachable(url: root, reason: error.description)
        }
    }
}
