import AdapterRegistry
import HTTPTypes
import Hummingbird

/// vLLM's own routes for changing LoRAs while it serves, as its clients and operators know them.
/// Source: vLLM's documentation, "Dynamically serving LoRA Adapters".
extension Endpoint {
    /// `{"lora_name", "lora_path", "load_inplace"}`. A name that is taken is an error unless `load_inplace` is true.
    static let loadLoRAAdapter = Endpoint(method: .post, path: "/v1/load_lora_adapter") { request, _, state in
        try state.allowChanges(request)
        let fields = try await RequestBodyReader.fields(request, state.settings)
        guard let name = try fields.string("lora_name"), let path = try fields.string("lora_path"), !name.isEmpty, !path.isEmpty else {
            throw APIError.bad(fields["lora_name"] == nil ? "lora_name" : "lora_path", "both lora_name and lora_path must be given")
        }
        let replaces = try fields.bool("load_inplace") ?? false
        do throws(AdapterChangeError) {
            _ = try await state.service.change(.add(source: path, name: name, replaces: replaces, loads: true))
        } catch {
            var problem = APIError(error)
            switch error {
            case .taken:
                problem = .bad(
                    "lora_name", "the adapter '\(name.prefix(200))' is loaded already; replace it with \"load_inplace\": true",
                    code: "adapter_exists")
            default:
                if problem.param == "source" { problem.param = "lora_path" }
                if problem.param == "name" { problem.param = "lora_name" }
            }
            throw problem
        }
        return .text("Success: LoRA adapter '\(name)' added successfully.")
    }

    /// `{"lora_name"}`. Takes away what was added while serving, by this API's routes or by vLLM's.
    static let unloadLoRAAdapter = Endpoint(method: .post, path: "/v1/unload_lora_adapter") { request, _, state in
        try state.allowChanges(request)
        let fields = try await RequestBodyReader.fields(request, state.settings)
        guard let name = try fields.string("lora_name"), !name.isEmpty else {
            throw APIError.bad("lora_name", "lora_name must be given")
        }
        do throws(AdapterChangeError) {
            _ = try await state.service.change(.remove(name, onlyAdded: true))
        } catch {
            guard case .notAdded = error else { throw APIError(error) }
            let adapters = await state.service.adapters(looksAgain: true)
            guard adapters.contains(where: { $0.name == AdapterReference.canonical(name) }) else {
                throw APIError.notFound("the adapter '\(name.prefix(200))' cannot be found", param: "lora_name", code: "adapter_not_found")
            }
            throw APIError.bad(
                "lora_name",
                "the adapter '\(name)' was not added by load_lora_adapter: take it out of memory with POST /v1/adapters/\(name)/unload, "
                    + "or take its name away with DELETE /v1/adapters/\(name)", code: "adapter_not_attached")
        }
        return .text("Success: LoRA adapter '\(name)' removed successfully.")
    }
}

extension Response {
    fileprivate static func text(_ text: String) -> Response {
        Response(status: .ok, headers: [.contentType: "text/plain; charset=utf-8"], body: .init(byteBuffer: ByteBuffer(string: text)))
    }
}
