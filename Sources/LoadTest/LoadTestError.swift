/// Why a load test cannot run, or came to nothing.
package enum LoadTestError: Error, Equatable, CustomStringConvertible {
    case invalidURL(String)
    case unreachable(url: String, reason: String)
    /// The server wants a key, or another one.
    case unauthorised(url: String, message: String)
    /// 404: the model, an adapter, or the endpoint.
    case unknownModel(String, message: String)
    /// No model was named, and the server lists none.
    case noModel(url: String, reason: String)
    case refused(url: String, status: Int, message: String)
    case invalidSetting(String)
    case unusableData(place: String, reason: String)
    /// Every measured request failed.
    case allFailed(count: Int, example: String)

    package var description: String {
        switch self {
        case .invalidURL(let url): "'\(url)' is no address of a server; wanted one like http://127.0.0.1:8080"
        case .unreachable(let url, let reason): "cannot reach \(url): \(reason)"
        case .unauthorised(let url, let message):
            "\(url) wants another API key (\(message)); give --api-key, or set OPENAI_API_KEY or RESA_API_KEY"
        case .unknownModel(let model, let message): "the server does not know what was asked for (model '\(model)'): \(message)"
        case .noModel(let url, let reason): "\(url) names no model (\(reason)); give --model"
        case .refused(let url, let status, let message): "\(url) answered \(status): \(message)"
        case .invalidSetting(let message): message
        case .unusableData(let place, let reason): "\(place): \(reason)"
        case .allFailed(let count, let example):
            count == 1 ? "the request failed: \(example)" : "all \(count) requests failed, the first with: \(example)"
        }
    }
}
