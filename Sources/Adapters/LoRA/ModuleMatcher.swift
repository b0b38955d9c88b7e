/// Decides, by PEFT's own rules, which modules a config targets and with which rank and alpha.
///
/// `target_modules` as a list matches whole names or dotted suffixes, as a string the whole name as a regular expression;
/// `layers_to_transform` narrows lists only, and there not the whole names; keys of the rank and alpha patterns match `(.*\.)?(key)$`, the first that does wins.
struct ModuleMatcher {
    private enum Names {
        case all
        /// Whole names as bytes, each with a dot before it.
        case suffixes([[UInt8]])
        case pattern(ModulePattern, key: String)
    }

    private let config: PEFTConfig
    private let budget = ModulePattern.Budget()
    private let targets: Names
    private let excluded: Names?
    private let ranks: [(pattern: ModulePattern, rank: Int)]
    private let alphas: [(pattern: ModulePattern, alpha: Double)]

    init(_ config: PEFTConfig) throws(AdapterError) {
        self.config = config
        targets = try Self.names(config.targets, key: "target_modules", config)
        excluded = if let excluded = config.excluded { try Self.names(excluded, key: "exclude_modules", config) } else { nil }
        var ranks: [(pattern: ModulePattern, rank: Int)] = []
        for (key, rank) in config.rankPattern {
            ranks.append((try Self.compile("(.*\\.)?(\(key))$", key: "rank_pattern", config), rank))
        }
        self.ranks = ranks
        var alphas: [(pattern: ModulePattern, alpha: Double)] = []
        for (key, alpha) in config.alphaPattern {
            alphas.append((try Self.compile("(.*\\.)?(\(key))$", key: "alpha_pattern", config), alpha))
        }
        self.alphas = alphas
    }

    /// Whether PEFT would put a LoRA on the module of this name (`model.layers.3.self_attn.q_proj`).
    func targets(_ module: String, layer: Int) throws(AdapterError) -> Bool {
        if let excluded, try matches(excluded, module) { return false }
        guard try matches(targets, module) else { return false }
        guard case .suffixes(let names) = targets, let layers = config.layersToTransform,
            !names.contains(where: { $0.dropFirst().elementsEqual(module.utf8) })
        else { return true }
        guard layers.contains(layer) else { return false }
        let bodies = config.layersPattern.isEmpty ? [".*?\\.[^.]*"] : config.layersPattern.map { "(?:^|.*?\\.)\($0)" }
        for body in bodies {
            let pattern = try Self.compile("\(body)\\.\(layer)\\.", key: "layers_pattern", config)
            if try test(pattern, module, key: "layers_pattern") { return true }
        }
        return false
    }

    func rank(_ module: String) throws(AdapterError) -> Int {
        for (pattern, rank) in ranks where try test(pattern, module, key: "rank_pattern") { return rank }
        return config.rank
    }

    func alpha(_ module: String) throws(AdapterError) -> Double {
        for (pattern, alpha) in alphas where try test(pattern, module, key: "alpha_pattern") { return alpha }
        return config.alpha
    }

    private func matches(_ names: Names, _ module: String) throws(AdapterError) -> Bool {
        switch names {
        case .all: true
        case .suffixes(let suffixes): suffixes.contains { Self.isNamed(module.utf8, $0) }
        case .pattern(let pattern, let key): try test(pattern, module, key: key)
        }
    }

    /// Whether `module` is the name behind the dot, or ends in the dot and it.
    private static func isNamed(_ module: String.UTF8View, _ dotted: [UInt8]) -> Bool {
        module.count < dotted.count ? module.elementsEqual(dotted.dropFirst()) : module.suffix(dotted.count).elementsEqual(dotted)
    }

    private func test(_ pattern: ModulePattern, _ module: String, key: String) throws(AdapterError) -> Bool {
        do {
            return try pattern.matches(module, budget)
        } catch {
            throw Self.failure(error, key: key, config)
        }
    }

    private static func names(_ targets: PEFTConfig.Targets, key: String, _ config: PEFTConfig) throws(AdapterError) -> Names {
        switch targets {
        case .allLinear: .all
        case .names(let names): .suffixes(names.map { Array(".\($0)".utf8) })
        case .pattern(let pattern): .pattern(try compile(pattern, whole: true, key: key, config), key: key)
        }
    }

    private static func compile(
        _ pattern: String, whole: Bool = false, key: String, _ config: PEFTConfig
    ) throws(AdapterError) -> ModulePattern {
        do {
            return try ModulePattern(pattern, whole: whole)
        } catch {
            throw failure(error, key: key, config)
        }
    }

    private static func failure(_ error: ModulePattern.Failure, key: String, _ config: PEFTConfig) -> AdapterError {
        let problem =
            switch error {
            case .malformed(let message): "'\(key)' holds a malformed regular expression: \(message)"
            case .tooHard: "'\(key)' holds a regular expression that takes too many steps to match"
            }
        return .badFile(adapter: config.adapter, file: PEFTConfig.file, problem: problem)
    }
}
