import Kernels
import Testing

/// Every tier that this CPU has, by pointer; all of them run in one process.
struct Tier: CustomTestStringConvertible, @unchecked Sendable {
    // Invariant: the tables are constants of the program.
    let table: UnsafePointer<resa_kernels>

    var kernels: resa_kernels { table.pointee }
    var testDescription: String { String(cString: kernels.name) }

    static let all: [Tier] = [RESA_TIER_SCALAR, RESA_TIER_AVX2, RESA_TIER_AVX512].compactMap { resa_kernels_for($0).map(Tier.init) }
    static let vector = Array(all.dropFirst())
    static let scalar = all[0]
}

/// Every length up to past two vectors, and some longer ones: all shapes of tail.
let lengths = Array(1...35) + [48, 63, 64, 65, 100, 127, 128, 129, 576, 1000, 1536]

/// Expects equal bits: -0 differs from 0, and NaN equals itself. Names the first difference rather than printing both arrays.
func expectSameBits(_ got: [Float], _ wanted: [Float], _ comment: Comment? = nil, at location: SourceLocation = #_sourceLocation) {
    #expect(got.count == wanted.count, comment, sourceLocation: location)
    let firstDifference = zip(got, wanted).enumerated().first { $1.0.bitPattern != $1.1.bitPattern }
    #expect(firstDifference == nil, comment, sourceLocation: location)
}

/// The largest |a - b| / (|b| + floor).
func worstError(_ a: [Float], _ b: [Float], floor: Float) -> Float {
    precondition(a.count == b.count)
    return zip(a, b).map { abs($0 - $1) / (abs($1) + floor) }.max() ?? 0
}
