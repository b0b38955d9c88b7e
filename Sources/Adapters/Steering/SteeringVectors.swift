import Foundation
import Tensors

/// Directions that are added to the activations at some hookpoints: `h' = h + scale * v`. Immutable.
package final class SteeringVectors: Sendable {
    package let name: String
    /// Identifies the exact bytes it was loaded from.
    package let digest: String
    /// In the order of the forward pass.
    package let hookpoints: [HookPoint]
    /// d
    package let width: Int
    /// `[hookpoints.count, d]`
    private let directions: AlignedBuffer<Float>

    init(name: String, digest: String, hookpoints: [HookPoint], width: Int, directions: consuming AlignedBuffer<Float>) {
        self.name = name
        self.digest = digest
        self.hookpoints = hookpoints
        self.width = width
        self.directions = directions
    }

    package var byteCount: Int { directions.count * 4 }

    /// The direction of `hookpoints[index]`, `[d]`.
    func direction(_ index: Int) -> UnsafePointer<Float> { UnsafePointer(directions.pointer + index * width) }
}

/// What one request does with steering vectors. Immutable.
package final class Steering: Sendable {
    package let vectors: SteeringVectors
    /// The hookpoints of the vectors that are added to; all of them, unless the request chose.
    package let hookpoints: [HookPoint]
    package let scale: Float
    package let scope: InterventionScope
    /// They are added only where this holds.
    package let condition: LatentCondition?

    /// - Parameters:
    ///   - hookpoints: some of `vectors.hookpoints`; nil for all.
    ///   - condition: reads no later hookpoint than the first of those.
    /// - Throws: `AdapterError.badParameter` for a scale that is no number, or a condition that comes too late.
    package init(
        _ vectors: SteeringVectors, hookpoints: [HookPoint]? = nil, scale: Float = 1, scope: InterventionScope = .all,
        condition: LatentCondition? = nil
    ) throws(AdapterError) {
        guard scale.isFinite else {
            throw .badParameter(adapter: vectors.name, parameter: "scale", problem: "is \(scale), wanted a finite number")
        }
        self.vectors = vectors
        self.hookpoints = vectors.hookpoints.filter { hookpoints?.contains($0) ?? true }
        self.scale = scale
        self.scope = scope
        self.condition = condition
        if let first = self.hookpoints.min() { try condition?.check(before: first, adapter: vectors.name) }
    }

    /// Adds the direction of `hookpoint` to the rows of `h` `[rows, d]` that are in scope and where the condition holds, each by itself.
    func apply(at hookpoint: HookPoint, to h: MatrixView, rows: UnsafePointer<RowContext>, gate: ConditionGate, on tier: InstructionSet) {
        guard scale != 0, let index = vectors.hookpoints.firstIndex(of: hookpoint) else { return }
        for row in 0..<h.rows where scope.contains(rows[row]) && gate.isOpen(rows[row]) {
            RowOperations.axpy(scale, vectors.direction(index), count: vectors.width, to: h.row(row), on: tier)
        }
    }
}
