extension WeightTable {
    /// All before the first dot of the blocks' prefix, and that dot: `model.`
    package var root: String { String(blockPrefix.prefix { $0 != "." }) + "." }

    /// A folder's name with another spelling of its root; as it is where it has none, or without a spelling.
    package func spelled(_ name: String, root spelling: String?) -> String {
        guard let spelling, name.hasPrefix(root) else { return name }
        return spelling + name.dropFirst(root.count)
    }

    /// The name of the tensor that holds `place`; nil where the architecture has none.
    package func name(_ place: WeightPlace, inGGUF: Bool = false) -> String? {
        row(place.role).map { name($0, layer: place.layer, isBias: place.isBias, inGGUF: inGGUF) }
    }

    func name(_ row: Row, layer: Int?, isBias: Bool, inGGUF: Bool) -> String {
        module(row, layer: layer, inGGUF: inGGUF) + (isBias ? ".bias" : ".weight")
    }

    /// What a LoRA calls the module that the row's tensors belong to: `model.layers.3.self_attn.q_proj`, in GGUF `blk.3.attn_q`.
    package func module(_ row: Row, layer: Int?, inGGUF: Bool = false) -> String {
        let stem = inGGUF ? row.gguf : row.name
        guard let layer else { return stem }
        return "\(inGGUF ? Self.ggufBlockPrefix : blockPrefix)\(layer).\(stem)"
    }

    /// The same for one projection; nil where the architecture has none.
    package func module(_ module: ProjectionModule, layer: Int, inGGUF: Bool = false) -> String? {
        row(.projection(module)).map { self.module($0, layer: layer, inGGUF: inGGUF) }
    }

    /// The row and the layer of a module of a block by its name, nil for what is none. The root may be left out of a folder's names, or
    /// spelled otherwise.
    ///
    /// Read as bytes: a store of adapters has thousands of names.
    package func find(module name: some BidirectionalCollection<UInt8>, inGGUF: Bool = false) -> (row: Row, layer: Int)? {
        let prefix = (inGGUF ? Self.ggufBlockPrefix : blockPrefix).utf8
        let short = prefix.drop { $0 != UInt8(ascii: ".") }.dropFirst()
        var rest = name[...]
        if rest.starts(with: prefix) {
            rest = rest.dropFirst(prefix.count)
        } else if !inGGUF, !short.isEmpty, rest.starts(with: short) {
            rest = rest.dropFirst(short.count)
        } else if !inGGUF, let spelling = rootSpellings.first(where: { !$0.isEmpty && rest.starts(with: $0.utf8) }),
            rest.dropFirst(spelling.utf8.count).starts(with: short)
        {
            rest = rest.dropFirst(spelling.utf8.count + short.count)
        } else {
            return nil
        }
        let digits = rest.prefix { $0 != UInt8(ascii: ".") }
        guard (1...6).contains(digits.count), digits.count < rest.count else { return nil }
        var layer = 0
        for digit in digits {
            guard (0x30...0x39).contains(digit) else { return nil }
            layer = layer * 10 + Int(digit - 0x30)
        }
        let stem = rest.dropFirst(digits.count + 1)
        guard let row = rows.first(where: { $0.isInBlock && stem.elementsEqual((inGGUF ? $0.gguf : $0.name).utf8) }) else { return nil }
        return (row, layer)
    }

    /// The same for a tensor's name, which ends in `.weight`.
    package func find(weight name: String, inGGUF: Bool) -> (row: Row, layer: Int)? {
        name.hasSuffix(".weight") ? find(module: name.utf8.dropLast(".weight".utf8.count), inGGUF: inGGUF) : nil
    }

    /// For people: the modules that a LoRA may change, as `model.layers.N.{self_attn.q_proj, ...}`.
    package func moduleNames(inGGUF: Bool = false) -> String {
        let names = rows.filter(\.isProjection).map { inGGUF ? $0.gguf : $0.name }
        return "\(inGGUF ? Self.ggufBlockPrefix : blockPrefix)N.{\(names.joined(separator: ","))}"
    }
}

extension WeightTable.Row {
    package var isInBlock: Bool { roles[0].isInBlock }
    package var isProjection: Bool { roles[0].module != nil }

    /// The projections that it holds.
    package var modules: [ProjectionModule] { roles.compactMap(\.module) }
}

extension Architecture {
    /// The architecture of that `model_type`, or nil.
    package static func named(_ name: String, among: [Architecture] = all) -> Architecture? { among.first { $0.name == name } }

    /// The architecture of that `general.architecture`, or nil.
    package static func ggufNamed(_ name: String, among: [Architecture] = all) -> Architecture? { among.first { $0.ggufName == name } }

    /// Where a LoRA's module stands in a block, by its name in a folder: in `architecture`, or in the first that has one of that name.
    package static func find(
        module name: some BidirectionalCollection<UInt8>, of architecture: Architecture?
    ) -> (row: WeightTable.Row, layer: Int)? {
        if let architecture { return architecture.weights.find(module: name) }
        for architecture in all { if let found = architecture.weights.find(module: name) { return found } }
        return nil
    }
}
