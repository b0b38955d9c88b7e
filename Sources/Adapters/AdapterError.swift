/// Why an adapter could not be read, or could not do what a request asked of it. Every case names the adapter and carries what a
/// person needs to put it right.
package enum AdapterError: Error, Sendable, Equatable, CustomStringConvertible {
    /// No adapter of that name; `near` are the names it might have meant.
    case unknown(name: String, near: [String])
    /// A file of the adapter's folder is missing, unreadable or malformed.
    case badFile(adapter: String, file: String, problem: String)
    /// The adapter asks for something this program does not do; doing the rest of it would give wrong answers.
    case unsupported(adapter: String, feature: String, advice: String)
    /// A tensor's shape does not fit the adapter's own config or the served model.
    case shapeMismatch(adapter: String, tensor: String, got: [Int], wanted: [Int])
    /// The adapter addresses a layer that the served model does not have.
    case layerOutOfRange(adapter: String, layer: Int, layers: Int)
    /// The SAE has no such hookpoint.
    case noSuchHookpoint(adapter: String, wanted: String, has: [HookPoint])
    /// The SAE has several hookpoints and the request did not say which.
    case hookpointNeeded(adapter: String, has: [HookPoint])
    case latentOutOfRange(adapter: String, latent: Int, latents: Int)
    /// A request's parameter that this adapter cannot take; `parameter` is its name as requests spell it.
    case badParameter(adapter: String, parameter: String, problem: String)
    /// More adapters in one request than the limit.
    case tooManyAdapters(got: Int, limit: Int)
    /// Loaded, the adapter alone takes more memory than adapters may have. In bytes.
    case tooLarge(adapter: String, bytes: Int, limit: Int)
    /// There is no room for the adapter now: what is loaded is used by requests (`used` bytes) or pinned (`pinned` bytes).
    case noRoom(adapter: String, bytes: Int, used: Int, pinned: Int, limit: Int)

    /// Wraps what a reader threw, naming the file relative to the adapter: where it lies on the server's disk is nobody's business.
    package init(_ error: any Error, adapter: String, file: String, path: String) {
        if let error = error as? AdapterError {
            self = error
        } else {
            let text = "\(error)"
            let prefix = path + ": "
            let problem = text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : text
            self = .badFile(adapter: adapter, file: file, problem: problem)
        }
    }

    /// The adapter at fault, where there is one.
    package var adapter: String? {
        switch self {
        case .unknown(let name, _): name
        case .badFile(let adapter, _, _), .unsupported(let adapter, _, _), .shapeMismatch(let adapter, _, _, _),
            .layerOutOfRange(let adapter, _, _), .noSuchHookpoint(let adapter, _, _), .hookpointNeeded(let adapter, _),
            .latentOutOfRange(let adapter, _, _), .badParameter(let adapter, _, _), .tooLarge(let adapter, _, _),
            .noRoom(let adapter, _, _, _, _):
            adapter
        case .tooManyAdapters: nil
        }
    }

    /// The request's parameter at fault, as requests spell it.
    package var parameter: String? {
        switch self {
        case .unknown: "name"
        case .noSuchHookpoint, .hookpointNeeded: "layer"
        case .latentOutOfRange: "latent"
        case .badParameter(_, let parameter, _): parameter
        case .badFile, .unsupported, .shapeMismatch, .layerOutOfRange, .tooManyAdapters, .tooLarge, .noRoom: nil
        }
    }

    package var description: String {
        switch self {
        case .unknown(let name, let near):
            let hint =
                near.isEmpty
                ? "no adapter has a similar name" : "did you mean \(near.map { "'\($0)'" }.joined(separator: ", "))?"
            return "unknown adapter '\(name)'; \(hint)"
        case .badFile(let adapter, let file, let problem):
            return "adapter '\(adapter)': \(file): \(problem)"
        case .unsupported(let adapter, let feature, let advice):
            return "adapter '\(adapter)': \(feature) is not supported; \(advice)"
        case .shapeMismatch(let adapter, let tensor, let got, let wanted):
            return "adapter '\(adapter)': tensor '\(tensor)' has shape \(got), wanted \(wanted)"
        case .layerOutOfRange(let adapter, let layer, let layers):
            return "adapter '\(adapter)': it addresses layer \(layer), the served model has layers 0 to \(layers - 1)"
        case .noSuchHookpoint(let adapter, let wanted, let has):
            return "adapter '\(adapter)': it has no hookpoint \(wanted); it has \(Self.list(has))"
        case .hookpointNeeded(let adapter, let has):
            return "adapter '\(adapter)': say which hookpoint with 'layer' (and 'at'); it has \(Self.list(has))"
        case .latentOutOfRange(let adapter, let latent, let latents):
            return "adapter '\(adapter)': latent \(latent) is out of range, it has latents 0 to \(latents - 1)"
        case .badParameter(let adapter, let parameter, let problem):
            return "adapter '\(adapter)': parameter '\(parameter)' \(problem)"
        case .tooManyAdapters(let got, let limit):
            return "\(got) adapters in one request, the limit is \(limit)"
        case .tooLarge(let adapter, let bytes, let limit):
            return "adapter '\(adapter)': loaded it takes \(Self.mebibytes(bytes)), and all adapters may take \(Self.mebibytes(limit))"
        case .noRoom(let adapter, let bytes, let used, let pinned, let limit):
            return "adapter '\(adapter)': there is no room to load its \(Self.mebibytes(bytes)) now: of the \(Self.mebibytes(limit)) for "
                + "adapters, requests in flight use \(Self.mebibytes(used)) and \(Self.mebibytes(pinned)) are pinned"
        }
    }

    private static func mebibytes(_ bytes: Int) -> String {
        let (whole, tenths) = (bytes >> 20, ((bytes & ((1 << 20) - 1)) * 10) >> 20)
        return whole + tenths > 0 ? "\(whole).\(tenths) MiB" : "\(bytes) bytes"
    }

    private static func list(_ hookpoints: [HookPoint]) -> String {
        hookpoints.isEmpty ? "none" : hookpoints.sorted().map(\.description).joined(separator: ", ")
    }
}

extension ModelShape {
    /// Refuses an adapter's layer that the model does not have.
    func requireLayer(_ layer: Int, adapter: String) throws(AdapterError) {
        guard layer < layers else { throw .layerOutOfRange(adapter: adapter, layer: layer, layers: layers) }
    }
}
