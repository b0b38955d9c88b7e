import Checkpoints
import Foundation

/// What a PEFT `adapter_config.json` says about a LoRA. Keys that only matter while training (dropout, how the matrices were
/// first filled, task type, ...) are ignored; keys that change what the adapter computes are either understood or refused by name, and so is
/// one that is set and not known.
struct PEFTConfig {
    static let file = "adapter_config.json"

    /// The names a config targets: a list of module names or suffixes, or one regular expression over whole names.
    enum Targets {
        case names([String])
        case pattern(String)
        case allLinear
    }

    let adapter: String
    let rank: Int
    let alpha: Double
    let rankStabilised: Bool
    let usesDoRA: Bool
    let targets: Targets
    /// The same two kinds for modules that are left out; nil when none are.
    let excluded: Targets?
    /// In the file's order, in which PEFT looks them up: the first that matches counts.
    let rankPattern: [(key: String, rank: Int)]
    let alphaPattern: [(key: String, alpha: Double)]
    let layersToTransform: [Int]?
    let layersPattern: [String]
    let baseModel: String?

    static let rankLimit = 65536

    init(folder: URL, adapter: String) throws(AdapterError) {
        let config = try ConfigReader(folder: folder, file: Self.file, adapter: adapter)
        try Self.refuseUnsupported(config)
        self.adapter = adapter
        rank = try config.fields.int("r", in: 1...Self.rankLimit) ?? 8
        alpha = try config.fields.number("lora_alpha") ?? 8
        rankStabilised = try config.fields.bool("use_rslora") ?? false
        usesDoRA = try config.fields.bool("use_dora") ?? false
        targets = try Self.targets(config)
        excluded = try Self.names(config, "exclude_modules")
        rankPattern = try Self.ranks(config)
        alphaPattern = try config.numbers("alpha_pattern").map { ($0.key, $0.value) }
        layersToTransform = try Self.layers(config)
        layersPattern = try config.strings("layers_pattern")?.filter { !$0.isEmpty } ?? []
        baseModel = try? config.fields.string("base_model_name_or_path")
        // `fan_in_fan_out` says how the base stored its weight; A and B are [r, in] and [out, r] either way.
        _ = try config.fields.bool("fan_in_fan_out")
    }

    /// The factor on `B (A x)`.
    func scale(rank: Int, alpha: Double) -> Float {
        Float(rankStabilised ? alpha / Double(rank).squareRoot() : alpha / Double(rank))
    }

    private static func targets(_ config: ConfigReader) throws(AdapterError) -> Targets {
        guard let targets = try names(config, "target_modules") else {
            throw .badFile(adapter: config.adapter, file: config.file, problem: "'target_modules' is missing or empty")
        }
        if case .pattern(let pattern) = targets, pattern.lowercased() == "all-linear" { return .allLinear }
        return targets
    }

    private static func names(_ config: ConfigReader, _ key: String) throws(AdapterError) -> Targets? {
        guard let value = config.fields[key], !value.isEmpty else { return nil }
        if case .string(let pattern) = value { return .pattern(pattern) }
        return try config.strings(key).map { .names($0) }
    }

    private static func ranks(_ config: ConfigReader) throws(AdapterError) -> [(key: String, rank: Int)] {
        var result: [(key: String, rank: Int)] = []
        for (key, value) in try config.numbers("rank_pattern") {
            guard let rank = Int(exactly: value), (1...rankLimit).contains(rank) else {
                throw config.fields.wrong("rank_pattern.\(key)", .double(value), "an integer from 1 to \(rankLimit)")
            }
            result.append((key, rank))
        }
        return result
    }

    private static func layers(_ config: ConfigReader) throws(AdapterError) -> [Int]? {
        let key = "layers_to_transform"
        guard let value = config.fields[key] else { return nil }
        let elements = if case .array(let elements) = value { elements } else { [value] }
        var result: [Int] = []
        for element in elements {
            guard let layer = element.int, layer >= 0 else {
                throw config.fields.wrong(key, element, "layer numbers")
            }
            result.append(layer)
        }
        return result.isEmpty ? nil : result
    }
}
