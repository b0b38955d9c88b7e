import Tensors

/// One thing that a request does at a hookpoint.
package enum HookAction: Sendable {
    case intervention(Intervention)
    case steering(Steering, at: HookPoint)
    case tap(ActivationTap)

    /// Reads or changes the activations `h` `[rows, d]` in place. Every row is worked on by itself.
    /// - Parameters:
    ///   - input: `[rows, d]`, what the MLP was given (after its norm). Only transcoders read it.
    ///   - rows: what each row is.
    ///   - observations: collects readings of the rows it wants; nil when nobody observes.
    package func apply(
        to h: MatrixView, input: MatrixView?, rows: UnsafePointer<RowContext>, observations: ObservationSink?, pool: WorkerPool,
        workspace: Workspace
    ) {
        switch self {
        case .intervention(let intervention):
            intervention.apply(to: h, input: input, rows: rows, observations: observations, pool: pool, workspace: workspace)
        case .steering(let steering, let hookpoint): steering.apply(at: hookpoint, to: h, rows: rows, on: pool.instructionSet)
        case .tap(let tap): tap.show(h, input, rows, pool, workspace)
        }
    }

    /// The SAE's intervention, where it is one.
    package var intervention: Intervention? {
        if case .intervention(let intervention) = self { intervention } else { nil }
    }
}
