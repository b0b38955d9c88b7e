import Adapters
import Engine

extension APIError {
    /// What the engine refused, in the words of the API.
    ///
    /// - Parameter waitSeconds: how long the requests that wait now should take.
    init(_ error: EngineError, settings: ServerSettings, waitSeconds: Double) {
        switch error {
        case .promptEmpty: self = .bad("prompt", error.description)
        case .promptTooLong, .tooManyTokens: self = .bad("max_tokens", error.description, code: "context_length_exceeded")
        case .tooManyChoices: self = .bad("n", error.description)
        case .nothingInScope: self = .bad("adapters.scope", error.description)
        case .tokenOutOfRange: self = .bad("prompt", error.description)
        case .invalidParameter(let name, _, _): self = .bad(name, error.description)
        case .queueFull, .clientQueueFull:
            self.init(
                status: .tooManyRequests, message: error.description, type: "rate_limit_error", code: "queue_full",
                retryAfter: settings.retryAfter(waitSeconds: waitSeconds))
        case .shuttingDown: self = .draining
        }
    }

    /// Why an adapter cannot be applied. Broken and unsupported files are 422: asking again in another way does not help, and neither
    /// does asking again.
    init(_ error: AdapterError) {
        let param = error.parameter.map { "adapters.\($0)" } ?? "adapters"
        switch error {
        case .unknown: self = .notFound(error.description, param: "adapters", code: "adapter_not_found")
        case .badFile, .unsupported:
            self.init(status: .unprocessableContent, message: error.description, param: param, code: "adapter_unusable")
        case .shapeMismatch, .layerOutOfRange: self = .bad(param, error.description, code: "adapter_mismatch")
        case .noSuchHookpoint, .hookpointNeeded, .latentOutOfRange, .badParameter, .tooManyAdapters: self = .bad(param, error.description)
        }
    }
}
