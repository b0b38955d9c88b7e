import Tensors

/// One thing that a request does at a hookpoint.
package enum HookAction: Sendable {
    /// `splice` counts the set's splices before it.
    case intervention(Intervention, gate: ConditionGate, splice: Int)
    case steering(Steering, at: HookPoint, gate: ConditionGate)
    /// Finds out where a condition holds, for an action that comes later.
    case condition(LatentCondition, scope: InterventionScope, bit: UInt32)
    case tap(ActivationTap)

    /// Reads or changes the activations `h` `[rows, d]` in place. Every row is worked on by itself.
    /// - Parameters:
    ///   - input: `[rows, d]`, what the MLP was given (after its norm). Only transcoders read it.
    ///   - rows: what each row is; conditions are noted there.
    ///   - observations: collects readings of the rows it wants; nil when nobody observes.
    package func apply(
        to h: MatrixView, input: MatrixView?, rows: UnsafeMutablePointer<RowContext>, observations: ObservationSink?, pool: WorkerPool,
        workspace: Workspace
    ) {
        switch self {
        case .intervention(let intervention, let gate, let splice):
            intervention.apply(
                to: h, input: input, rows: rows, gate: gate, splice: splice, observations: observations, pool: pool, workspace: workspace)
        case .steering(let steering, let hookpoint, let gate):
            steering.apply(at: hookpoint, to: h, rows: rows, gate: gate, on: pool.instructionSet)
        case .condition(let condition, let scope, let bit):
            condition.read(h, input: input, rows: rows, scope: scope, bit: bit, pool: pool, workspace: workspace)
        case .tap(let tap): tap.show(h, input, rows, pool, workspace)
        }
    }

    /// The SAE's intervention, where it is one.
    package var intervention: Intervention? {
        if case .intervention(let intervention, _, _) = self { intervention } else { nil }
    }
}
