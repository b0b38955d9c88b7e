import AdapterRegistry
import Engine
import JSONText

/// The body of `POST /v1/compare`: one prompt (`messages` or `prompt`) and `variants`, the adapters to answer it with.
///
/// A variant is a list of adapters, or `{"label", "adapters"}`; an empty list is the base model. The first is what the others are
/// compared with.
struct CompareRequest {
    struct Variant {
        let label: String
        let adapters: [AdapterSelection]
    }

    let prompt: PromptSource
    let variants: [Variant]
    let sampling: SamplingFields
    let stop: StopFields
    let includesReasoning: Bool
    let skipsSpecialTokens: Bool

    init(_ fields: FieldReader, service: some InferenceService, settings: ServerSettings) throws(APIError) {
        prompt = try PromptSource(fields, service, settings)
        variants = try Self.variants(fields, settings)
        sampling = try SamplingFields(fields, defaults: service.defaultSampling, vocabSize: service.vocabSize)
        stop = try StopFields(fields, settings: settings, vocabSize: service.vocabSize)
        includesReasoning = try fields.bool("include_reasoning") ?? true
        skipsSpecialTokens = try fields.bool("skip_special_tokens") ?? true
        try UnservedFields.refuse(fields, on: .compare)
    }

    private static func variants(_ fields: FieldReader, _ settings: ServerSettings) throws(APIError) -> [Variant] {
        guard let elements = try fields.array("variants", of: "an array of adapter lists"), elements.count >= 2 else {
            throw .bad("variants", "variants needs two entries or more: lists of adapters, [] for the base model")
        }
        guard elements.count <= settings.maxVariants else {
            throw .bad("variants", "variants has \(elements.count) entries; at most \(settings.maxVariants) are allowed")
        }
        var variants: [Variant] = []
        for (index, element) in elements.enumerated() {
            let path = "variants[\(index)]"
            let reader: FieldReader
            switch element {
            case .array: reader = FieldReader(JSONObject([("adapters", element)]), path: path + ".")
            case .object(let object): reader = FieldReader(object, path: path + ".")
            default: throw fields.wrong(path, element, "a list of adapters or an object")
            }
            let adapters = try AdapterFields.read(reader, limit: settings.maxAdapters) ?? []
            let names = adapters.isEmpty ? "base" : adapters.map(\.name).joined(separator: "+")
            variants.append(Variant(label: try reader.string("label") ?? names, adapters: adapters))
        }
        return variants
    }
}
