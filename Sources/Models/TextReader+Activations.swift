import Adapters
import Tensors

extension TextReader {
    /// Reads texts in one pass, no higher than the last of `hookpoints`, and writes the activations of the wanted tokens there, in order.
    /// - Parameters:
    ///   - targets: of each hookpoint, `[tokens, hidden]`.
    ///   - written: rows of the targets that are taken already.
    ///   - wanted: whether a token counts.
    /// - Returns: how many were wanted.
    package func copyActivations(
        of texts: some Collection<[Int32]>, at hookpoints: [HookPoint], into targets: [UnsafeMutablePointer<Float>], after written: Int,
        wanted: (_ position: Int, _ token: Int32) -> Bool
    ) -> Int {
        begin(layers: (hookpoints.map(\.layer).max() ?? 0) + 1)
        var count = 0
        var rows = 0..<0
        func order() {
            guard !rows.isEmpty else { return }
            for (hookpoint, target) in zip(hookpoints, targets) {
                plan.copyActivations(of: rows, at: hookpoint, to: target + (written + count) * model.config.hiddenSize)
            }
            count += rows.count
        }
        for (index, text) in texts.enumerated() {
            for (position, token) in text.enumerated() {
                let row = append(token, at: position, of: index, promptLength: text.count, wantsOutput: false)
                guard wanted(position, token) else { continue }
                if row != rows.upperBound {
                    order()
                    rows = row..<row
                }
                rows = rows.lowerBound..<row + 1
            }
        }
        order()
        let mark = workspace.mark()
        _ = run()
        workspace.release(mark)
        return count
    }
}
