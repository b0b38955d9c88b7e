// Tensors: the Swift face of the kernels: aligned buffers, matrix views, packed matrices, row operations, attention and the worker pool.
// It knows nothing about files or layers.

import Kernels

/// A tier of kernels. A process uses `current`; a `WorkerPool` made for another tier runs that one, which is how tests reach all of them.
package enum InstructionSet: String, Sendable, CaseIterable, CustomStringConvertible {
    case scalar, avx2, avx512

    /// The best tier of this CPU, or the one that the environment's `RESA_ISA` names. Chosen once per process.
    package static let current = InstructionSet(rawValue: String(cString: resa_kernels_current().pointee.name)) ?? .scalar

    /// The tiers this CPU can run, slowest first.
    package static let available = allCases.filter { resa_kernels_for($0.tier) != nil }

    /// The tier's functions. A tier that the CPU lacks gives the scalar ones.
    package var kernels: UnsafePointer<resa_kernels> {
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
