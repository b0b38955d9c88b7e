import Hummingbird

extension Endpoint {
    /// 200 while the server takes requests, 503 once it shuts down.
    static let health = Endpoint(method: .get, path: "/health") { _, _, state in
        if state.drain.isDraining { throw APIError.draining }
        return .json(["status": "ok"])
    }
}
