import Checkpoints
import Tensors

/// Tells two versions of the packing code apart by what they do: the digest of a small matrix of fixed numbers, packed in every way that a
/// plan uses. Whoever changes a layout or a search changes it, and with it the name of every cached file, without having to think of it.
enum PackingFingerprint {
    private static let outputs = 72
    private static let inputs = 768

    static func of(_ plan: WeightPlan, pool: WorkerPool) -> String {
        let ways = Set(plan.sections.compactMap(Way.init))
        let search = WeightRecipe.search(plan.format)
        return ways.map { "\($0.format) \($0.stored.map(\.rawValue).sorted()): \(digest($0, search, pool))" }.sorted().joined(
            separator: "\n")
    }

    private struct Way: Hashable {
        let format: MatrixFormat
        /// Types that are repacked.
        let stored: Set<ElementExpansion>

        init?(_ section: WeightPlan.Section) {
            guard case .matrix(let format) = section.layout else { return nil }
            self.format = format
            stored = Set(section.parts.filter(\.isRepacked).map(\.stored))
        }
    }

    private static func digest(_ way: Way, _ search: WeightSearch, _ pool: WorkerPool) -> String {
        func text(_ matrix: PackedMatrix?) -> String {
            guard let matrix else { return "none" }
            let bytes = UnsafeRawBufferPointer(start: matrix.storage.pointer, count: matrix.byteCount)
            return "\(ContentDigest(bytes: bytes)) \(matrix.factor.bitPattern)"
        }
        let quantised = try? PackedMatrix(format: way.format, outputs: outputs, inputs: inputs, search: search, pool: pool) { range, rows in
            for row in range { for column in 0..<inputs { rows[(row - range.lowerBound) * inputs + column] = number(row, column) } }
        }
        guard case .quantised(let format) = way.format else { return text(quantised) }
        let repacked = way.stored.sorted { $0.rawValue < $1.rawValue }.map { type in
            text(
                try? PackedMatrix(repacking: format, outputs: outputs, inputs: inputs, pool: pool) { range, rows in
                    let blocks = (0..<inputs / type.blockElements * type.blockBytes).map {
                        UInt8(truncatingIfNeeded: $0 &* 37 &+ 11) & 0x3F
                    }
                    for row in 0..<range.count { blocks.withUnsafeBytes { rows.repack(type, from: $0.baseAddress!, row: row) } }
                })
        }
        return ([text(quantised)] + repacked).joined(separator: " ")
    }

    /// Between -1 and 1, most of them small.
    private static func number(_ row: Int, _ column: Int) -> Float {
        let bits = UInt64(row * inputs + column + 1) &* 0x9E37_79B9_7F4A_7C15
        let uniform = Float(Int32(truncatingIfNeeded: bits >> 24)) * 0x1p-31
        return uniform * uniform * uniform
    }
}
