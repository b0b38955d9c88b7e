import Architectures
import Checkpoints
import Tensors

/// Where every matrix of a model will lie in one region of memory, in which format, and from what it is made. Made from headers alone.
package struct WeightPlan: Sendable {
    /// One weight of a stacked matrix.
    package struct Part: Sendable {
        package let place: WeightPlace
        /// `WeightReader.label`
        package let label: String
        package let outputs: Int
        package let stored: ElementExpansion
        /// Whether its stored blocks are copied into the format with every value kept.
        package let isRepacked: Bool
    }

    package enum Layout: Sendable, CustomStringConvertible {
        /// Multiplied with.
        case matrix(MatrixFormat)
        /// Looked up row by row.
        case table(ElementExpansion)

        package var description: String {
            switch self {
            case .matrix(let format): format.description
            case .table(let type): "\(type.rawValue) rows"
            }
        }
    }

    /// One matrix, or one table.
    package struct Section: Sendable {
        package let name: String
        package let role: MatrixRole
        package let parts: [Part]
        package let outputs: Int
        package let inputs: Int
        package let layout: Layout
        /// The norm whose squared weights tell how much each input counts in the search for scales; nil where no norm stands before the matrix.
        package let norm: WeightPlace?
        /// Its bytes in the region; begins at a multiple of 4096.
        package let range: Range<Int>

        package var elements: Int { outputs * inputs }
        /// Whether some part that is stored in blocks is quantised anew, a second time.
        package var isRequantised: Bool {
            guard case .matrix(.quantised) = layout else { return false }
            return parts.contains { $0.stored.blockElements > 1 && !$0.isRepacked }
        }
        package var isRepacked: Bool { parts.allSatisfy(\.isRepacked) }
    }

    package let format: WeightFormat
    package let sections: [Section]
    /// Bytes of the region.
    package let byteCount: Int
    private let normLabels: [WeightPlace: String]

    /// - Throws: `CheckpointError` when a tensor is missing.
    package init(config: ModelConfig, weights: WeightReader, format: WeightFormat) throws(CheckpointError) {
        var builder = Builder(weights: weights, format: format)
        let table = config.family.weights
        if !(config.tiedEmbeddings && WeightRecipe.sharesTiedHead(format)) {
            try builder.table(Self.embedding, WeightPlace(.embedding), rows: config.vocabSize, config)
        }
        if table.holds(.positions) { try builder.table(Self.positions, WeightPlace(.positions), rows: config.contextLength, config) }
        for layer in 0..<config.layers {
            for stack in PackedStack.allCases {
                try builder.matrix(
                    Self.name(stack.role, layer), stack.role,
                    stack.modules(in: table).map { WeightPlace(.projection($0), layer: layer) },
                    norm: stack.norm(in: table).map { WeightPlace($0, layer: layer) })
            }
        }
        try builder.matrix(
            Self.head, .head, [WeightPlace(config.tiedEmbeddings ? .embedding : .head)], norm: WeightPlace(.finalNorm))
        (self.format, sections, byteCount) = (format, builder.sections, builder.end)
        normLabels = Dictionary(sections.compactMap(\.norm).map { ($0, weights.label($0)) }) { first, _ in first }
    }

    static let embedding = "embedding"
    static let positions = "positions"
    static let head = "head"

    /// The name of a layer's matrix.
    static func name(_ role: MatrixRole, _ layer: Int) -> String { "layer \(layer) \(role)" }

    /// Everything that decides what the packed bytes are, but for the content of the tensors.
    package var description: String {
        sections.map { section in
            let parts = section.parts.map { "\($0.label) \($0.outputs) \($0.stored.rawValue)\($0.isRepacked ? " repacked" : "")" }
            return
                "\(section.name): \(section.layout) [\(section.outputs), \(section.inputs)] at \(section.range) of \(parts), after \(section.norm.flatMap { normLabels[$0] } ?? "no norm")"
        }.joined(separator: "\n")
    }
}

extension WeightPlan {
    private struct Builder {
        let weights: WeightReader
        let format: WeightFormat
        var sections: [Section] = []
        var end = 0

        mutating func table(_ name: String, _ place: WeightPlace, rows: Int, _ config: ModelConfig) throws(CheckpointError) {
            let stored = try weights.storedType(place)
            let type = WeightRecipe.embedding(format, stored: stored)
            let columns = config.hiddenSize
            add(
                name, .embedding, [part(place, outputs: rows, stored, isRepacked: type == stored)], columns, .table(type),
                bytes: ElementTable.byteCount(type: type, rows: rows, columns: columns))
        }

        private func part(_ place: WeightPlace, outputs: Int, _ stored: ElementExpansion, isRepacked: Bool) -> Part {
            Part(place: place, label: weights.label(place), outputs: outputs, stored: stored, isRepacked: isRepacked)
        }

        mutating func matrix(
            _ name: String, _ role: MatrixRole, _ places: [WeightPlace], norm: WeightPlace? = nil
        ) throws(CheckpointError) {
            var stored: [ElementExpansion] = []
            for place in places { stored.append(try weights.storedType(place)) }
            // All of them are matrices over one input.
            let shapes = places.compactMap { weights.shape($0) }
            let inputs = shapes[0][1]
            let (matrix, repacked) = WeightPlan.choose(WeightRecipe.matrix(format, role, inputs: inputs), stored: stored)
            let parts = places.indices.map { part(places[$0], outputs: shapes[$0][0], stored[$0], isRepacked: repacked[$0]) }
            let rows = shapes.reduce(0) { $0 + $1[0] }
            add(name, role, parts, inputs, .matrix(matrix), norm: norm, bytes: matrix.byteCount(outputs: rows, inputs: inputs))
        }

        private mutating func add(
            _ name: String, _ role: MatrixRole, _ parts: [Part], _ inputs: Int, _ layout: Layout, norm: WeightPlace? = nil,
            bytes: Int
        ) {
            let start = (end + 4095) / 4096 * 4096
            sections.append(
                Section(
                    name: name, role: role, parts: parts, outputs: parts.reduce(0) { $0 + $1.outputs }, inputs: inputs, layout: layout,
                    norm: norm,
                    range: start..<start + bytes))
            end = start + bytes
        }
    }

    /// The format of a matrix made of parts `stored` where the recipe wants `wanted`, and which parts are copied with every value kept.
    ///
    /// Blocks that need no more bits than are wanted keep their values, in the smallest format that holds them all; where only some of the
    /// parts can be kept, the format holds those and has as many bits as are wanted, and the others are quantised to it.
    package static func choose(_ wanted: MatrixFormat, stored: [ElementExpansion]) -> (format: MatrixFormat, repacked: [Bool]) {
        let none = stored.map { _ in false }
        guard case .quantised(let recipe) = wanted else { return (wanted, none) }
        if let exact = QuantisedFormat.holding(stored), exact.bits <= recipe.bits { return (.quantised(exact), none.map { _ in true }) }
        var best: (format: QuantisedFormat, count: Int)?
        for format in QuantisedFormat.exact where format.bits == recipe.bits {
            let count = stored.count(where: format.holds)
            if count > best?.count ?? 0 { best = (format, count) }
        }
        guard let best else { return (wanted, none) }
        return (.quantised(best.format), stored.map(best.format.holds))
    }
}
