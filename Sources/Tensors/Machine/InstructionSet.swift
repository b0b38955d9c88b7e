// Tensors: the Swift face of the kernels: aligned buffers, matrix views, packed matrices, row operations, attention and the worker pool.
// It knows nothing about files or layers.

import Foundation
import Kernels

/// A tier of kernels. A `WorkerPool` is made for one, and everything that works with the pool uses that; tests reach all of them so.
package enum InstructionSet: String, Sendable, CaseIterable, CustomStringConvertible {
    case scalar, avx2, avx512

    /// What a pool takes when nobody says: the tier that the environment's `RESA_ISA` names when this CPU has it, else the best. Asked for by
    /// `WorkerPool.init` alone.
    static let preferred = chosen(by: ProcessInfo.processInfo.environment)

    static func chosen(by environment: [String: String]) -> InstructionSet {
        let best = available[available.count - 1]
        guard let name = environment["RESA_ISA"], !name.isEmpty else { return best }
        if let wanted = available.first(where: { $0.rawValue == name }) { return wanted }
        let known = allCases.map(\.rawValue).joined(separator: ", ")
        FileHandle.standardError.write(Data("RESA_ISA=\(name) is not a tier of this CPU (tiers: \(known)); using \(best)\n".utf8))
        return best
    }

    /// The tiers this CPU can run, slowest first.
    package static let available = allCases.filter { resa_kernels_for($0.tier) != nil }

    /// The tier's functions. A tier that the CPU lacks gives the scalar ones.
    var kernels: UnsafePointer<resa_kernels> {
        resa_kernels_for(tier) ?? resa_kernels_for(RESA_TIER_SCALAR)!
    }

    package var description: String { rawValue }

    private var tier: resa_tier {
        switch self {
        case .scalar: RESA_TIER_SCALAR
        case .avx2: RESA_TIER_AVX2
        case .avx512: RESA_TIER_AVX512
        }
    }
}
