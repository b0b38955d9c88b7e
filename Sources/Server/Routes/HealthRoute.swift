import Hummingbird
import JSONText

extension Endpoint {
    /// 200 while the server takes requests, 503 once it shuts down.
    static let health = Endpoint(method: .get, path: "/health", isOpen: true) { _, _, state in try state.health }

    /// The same under the name, and with the methods, that hosting services ask.
    static let ping = Endpoint(method: .get, path: "/ping", isOpen: true) { _, _, state in try state.health }
    static let postedPing = Endpoint(method: .post, path: "/ping", isOpen: true) { _, _, state in try state.health }

    static let version = Endpoint(method: .get, path: "/version") { _, _, _ in .json(["version": .string(ResaVersion.current)]) }
}

extension ServerState {
    fileprivate var health: Response {
        get throws(APIError) {
            if drain.isDraining { throw .draining }
            return .json(["status": "ok"])
        }
    }
}
