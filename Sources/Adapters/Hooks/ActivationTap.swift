import Tensors

/// Shows the activations at one hookpoint to whoever watches, and leaves them alone; it comes before anything else that is done there.
/// For passes that their owner plans and waits for: what requests choose never holds one.
package final class ActivationTap: Sendable {
    /// - Parameters:
    ///   - output: `[rows, d]`, what the hookpoint puts out.
    ///   - input: `[rows, d]`, what the MLP was given (after its norm), at an MLP's hookpoint.
    ///   - rows: what each row is.
    package typealias Watcher = (
        _ output: MatrixView, _ input: MatrixView?, _ rows: UnsafePointer<RowContext>, _ pool: WorkerPool, _ workspace: Workspace
    ) -> Void

    package let hookpoint: HookPoint
    /// Called on the thread that runs the pass, which is its owner's.
    private nonisolated(unsafe) let watcher: Watcher

    package init(at hookpoint: HookPoint, _ watcher: @escaping Watcher) {
        self.hookpoint = hookpoint
        self.watcher = watcher
    }

    func show(_ output: MatrixView, _ input: MatrixView?, _ rows: UnsafePointer<RowContext>, _ pool: WorkerPool, _ workspace: Workspace) {
        watcher(output, input, rows, pool, workspace)
    }
}
