import AdapterRegistry
import Adapters
import Downloads
import Engine

extension APIError {
    /// What the engine refused, in the words of the API.
    ///
    /// - Parameters:
    ///   - names: what the request calls its parts.
    ///   - waitSeconds: how long the requests that wait now should take.
    init(_ error: EngineError, names: FieldNames, settings: ServerSettings, waitSeconds: Double) {
        switch error {
        case .promptEmpty, .tokenOutOfRange: self = .bad(names.prompt, error.description)
        case .promptTooLong: self = .bad(names.prompt, error.description, code: "context_length_exceeded")
        case .tooManyTokens: self = .bad(names.maxTokens, error.description, code: "context_length_exceeded")
        case .tooManyChoices: self = .bad("n", error.description)
        case .nothingInScope: self = .bad(Self.param("scope", of: names.adapters), error.description)
        case .invalidParameter(let name, _, _): self = .bad(name, error.description)
        case .queueFull, .clientQueueFull:
            self.init(
                status: .tooManyRequests, message: error.description, type: "rate_limit_error", code: "queue_full",
                retryAfter: settings.retryAfter(waitSeconds: waitSeconds))
        case .shuttingDown: self = .draining
        case .notFinite(_, let adapters):
            self.init(
                status: .unprocessableContent, message: error.description, param: adapters.isEmpty ? nil : names.adapters,
                code: "not_finite")
        }
    }

    /// Why an adapter cannot be applied. Broken and unsupported files are 422: asking again in another way does not help, and neither
    /// does asking again.
    ///
    /// - Parameter place: where the request names it: the field `adapters`, the header, `model`, ...
    init(_ error: AdapterError, place: String = AdapterChoice.field) {
        let param = Self.param(error.parameter, of: place)
        switch error {
        case .unknown: self = .notFound(error.description, param: place, code: "adapter_not_found")
        case .badFile, .unsupported:
            self.init(status: .unprocessableContent, message: error.description, param: param, code: "adapter_unusable")
        case .tooLarge:
            self.init(status: .unprocessableContent, message: error.description, param: param, code: "adapter_too_large")
        case .noRoom:
            self.init(
                status: .serviceUnavailable, message: error.description, type: "server_error", param: param, code: "adapter_memory_full",
                retryAfter: Self.roomSeconds)
        case .shapeMismatch, .layerOutOfRange: self = .bad(param, error.description, code: "adapter_mismatch")
        case .noSuchHookpoint, .hookpointNeeded, .latentOutOfRange, .badParameter, .tooManyAdapters: self = .bad(param, error.description)
        }
    }

    /// A parameter of an adapter. Only the fields that hold adapters have members; a header or a name is at fault as a whole.
    private static func param(_ parameter: String?, of place: String) -> String {
        guard let parameter, place == AdapterChoice.field || place.hasSuffix("." + AdapterChoice.field) else { return place }
        return "\(place).\(parameter)"
    }

    /// When a request in flight may have ended that keeps an adapter in memory.
    private static let roomSeconds = 1

    /// Why a chat did not become a prompt.
    init(_ error: ChatError, model: String) {
        switch error {
        case .noTemplate:
            self = .bad("messages", "the model '\(model)' has no chat template; use /v1/completions", code: "no_chat_template")
        case .unusable(let reason):
            self = .bad(
                "messages", "the chat template of the model '\(model)' cannot be used: \(reason); use /v1/completions",
                code: "no_chat_template")
        case .noDefault(let reason):
            self = .bad("chat_template", "\(reason); name one of them as chat_template", code: "no_chat_template")
        case .unknownTemplate(let names):
            self = .unsupported(
                "chat_template", "chat_template is not one of the model's templates; it has \(names.joined(separator: ", "))")
        case .refused(let reason):
            self = .bad("messages", "the chat template refuses these messages: \(reason)", code: "chat_template_error")
        case .notContinued(let reason): self = .bad("continue_final_message", "\(reason), so it cannot be continued")
        }
    }

    /// Why adapters were not changed.
    init(_ error: AdapterChangeError) {
        let message = error.description
        switch error {
        case .adapter(.unknown): self = .notFound(message, param: "name", code: "adapter_not_found")
        case .adapter(let error):
            self.init(error)
            param = error.parameter
        case .forbidden: self.init(status: .forbidden, message: message, code: "not_allowed")
        case .bad(let parameter, _): self = .bad(parameter, message)
        case .notAdded: self = .bad("name", message, code: "adapter_not_attached")
        case .taken: self = .bad("name", message + "; replace it with \"replace\": true", code: "adapter_exists")
        case .storage(let error): self.init(error)
        case .pull(let error): self.init(error)
        }
    }

    private init(_ error: AdapterStorageError) {
        switch error {
        case .unknown: self = .notFound(error.description, param: "source", code: "adapter_not_found")
        case .badName: self = .bad("name", error.description)
        case .busy:
            self.init(
                status: .serviceUnavailable, message: "other processes are using the store; try again later", type: "server_error",
                code: "store_busy", retryAfter: 5)
        case .system(_, let doing, let reason): self = .internal("the store could not be changed: \(doing): \(reason)")
        case .badPath, .badSource, .malformed, .overLimit, .damaged, .signature, .exists:
            self.init(
                status: .unprocessableContent, message: Self.withoutFolder(error.description), param: "source", code: "adapter_unusable")
        }
    }

    /// Where files lie on this machine is nobody's business: `/a/b/c.resa: size: ...` begins with the last part.
    private static func withoutFolder(_ text: String) -> String {
        guard text.hasPrefix("/"), let end = text.firstRange(of: ": ")?.lowerBound, let slash = text[..<end].lastIndex(of: "/") else {
            return text
        }
        return String(text[text.index(after: slash)...])
    }

    private init(_ error: PullError) {
        switch error {
        case .badSource: self = .bad("source", error.description)
        case .forbidden, .offline:
            self.init(status: .forbidden, message: error.description, param: "source", code: "pull_not_allowed")
        case .noAnswer, .asksToWait, .busy, .cancelled:
            self.init(
                status: .serviceUnavailable, message: Self.withoutFolder(error.description), type: "server_error", param: "source",
                code: "pull_failed", retryAfter: 5)
        case .disk(_, let reason): self = .internal("the disk refused what was pulled: \(reason)")
        case .status, .badRedirect, .wrongAnswer, .wrongSize, .wrongDigest, .unsafePath, .tooLarge, .nothingToPull:
            self.init(status: .unprocessableContent, message: error.description, param: "source", code: "pull_failed")
        }
    }
}
