import Foundation
import Tensors

@testable import Models

/// `PrefixHashModel` whose passes wait until it is let go: what a test says in between is said while a sequence runs, for certain.
final class HeldModel: LanguageModel {
    private let model = PrefixHashModel(vocabSize: EngineHarness.vocabSize)
    private let gate = NSCondition()
    // Under the gate's lock.
    private nonisolated(unsafe) var isHeld = true
    private nonisolated(unsafe) var hasBegun = false

    var config: ModelConfig { model.config }
    var format: WeightFormat { model.format }
    var bytesPerStep: Int { model.bytesPerStep }
    var byteCount: Int { model.byteCount }

    func forward(_ plan: BatchPlan, cache: KVCache, pool: WorkerPool, workspace: Workspace) -> MatrixView {
        gate.withLock {
            hasBegun = true
            while isHeld { gate.wait() }
        }
        return model.forward(plan, cache: cache, pool: pool, workspace: workspace)
    }

    func logits(_ hidden: MatrixView, pool: WorkerPool, workspace: Workspace) -> MatrixView {
        model.logits(hidden, pool: pool, workspace: workspace)
    }

    /// Returns when the first pass has begun; it goes on only after `letGo`.
    func firstPass() async {
        while !gate.withLock({ hasBegun }) { try? await Task.sleep(for: .milliseconds(2)) }
    }

    func letGo() {
        gate.withLock {
            isHeld = false
            gate.broadcast()
        }
    }
}
