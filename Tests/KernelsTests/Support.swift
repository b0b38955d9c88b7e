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

/// Runs `body` on a copy of the row with guard cells after it; checks that they hold, and returns the row.
func run(_ row: [Float], _ body: (UnsafeMutablePointer<Float>) -> Void) -> [Float] {
    let (guardValue, guards): (Float, Int) = (12345, 40)
    var copy = row + Array(repeating: guardValue, count: guards)
    copy.withUnsafeMutableBufferPointer { body($0.baseAddress!) }
    #expect(copy.suffix(guards).allSatisfy { $0 == guardValue }, "wrote past the row's end")
    return Array(copy.prefix(row.count))
}

extension [Float]? {
    /// The elements by pointer, or null.
    func withOptionalPointer(_ body: (UnsafePointer<Float>?) -> Void) {
        if let self { self.withUnsafeBufferPointer { body($0.baseAddress) } } else { body(nil) }
    }
}
