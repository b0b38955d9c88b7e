import AdapterRegistry
import JSONText

/// The field `variants` of `POST /v1/compare`: the adapters to answer a prompt with. The first is what the others are compared with.
///
/// A variant is a list of adapters, `[]` for the base model, or `{"label", "adapters"}`. One that says nothing of adapters has those that the request
/// names beside the variants, in the header, the field `adapters` or `model`; none when it names none.
struct CompareVariants {
    struct Variant {
        let label: String
        let adapters: [AdapterSelection]
        /// Where they are named, as errors call it.
        let place: String
    }

    let list: [Variant]

    /// - Throws: 400 for what is no list of variants, and for adapters beside variants that all say their own: they would have to join or to
    ///   contradict them.
    init(_ fields: FieldReader, beside choice: AdapterChoice, _ settings: ServerSettings) throws(APIError) {
        guard let elements = try fields.array("variants", of: "an array of adapter lists"), elements.count >= 2 else {
            throw .bad("variants", "variants needs two entries or more: lists of adapters, [] for the base model")
        }
        guard elements.count <= settings.maxVariants else {
            throw .bad("variants", "variants has \(elements.count) entries; at most \(settings.maxVariants) are allowed")
        }
        var variants: [Variant] = []
        var isChoiceTaken = false
        for index in elements.indices {
            let variant = fields.child("variants").child(index)
            let own: [AdapterSelection]?
            switch variant.value {
            case .array(_): own = try AdapterFields.read(variant.value, at: variant.path("adapters"), limit: settings.maxAdapters)
            case .object(_): own = try AdapterFields.read(variant, limit: settings.maxAdapters)
            default: throw variant.refuse(wanted: "a list of adapters or an object")
            }
            let adapters = own ?? choice.selections
            let names = adapters.isEmpty ? "base" : adapters.map(\.name).joined(separator: "+")
            variants.append(
                Variant(
                    label: try variant.string("label") ?? names, adapters: adapters,
                    place: own == nil && choice.isNamed ? choice.place : variant.path("adapters")))
            if own == nil { isChoiceTaken = true }
        }
        guard isChoiceTaken || !choice.isNamed else {
            let kind = choice.place == AdapterHeader.name.rawName ? "header " : ""
            throw .bad(
                choice.place,
                "\(kind)\(choice.place) names adapters, but every one of variants says its own; leave it out, or a variant's adapters")
        }
        list = variants
    }
}
