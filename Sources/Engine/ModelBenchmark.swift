import Adapters
import Models
import Tensors

/// Times passes of a model without scheduler, text or HTTP: what the engine could at most reach.
///
/// Sequences are made of arbitrary tokens, the same in every run; each step takes the most likely token of every row, as greedy decoding does.
/// Confined to the thread that calls it.
package final class ModelBenchmark {
    private let model: any LanguageModel
    private let pool: WorkerPool
    private let workspace = Workspace()
    private let cache: KVCache
    private let plan = BatchPlan()
    /// Block tables of all sequences, `blocksEach` entries each.
    private let tables: AlignedBuffer<Int32>
    private let blocksEach: Int

    /// - Parameters:
    ///   - sequences: the widest batch that will be asked for.
    ///   - positions: the longest sequence that will be asked for, prompt and answer, in tokens.
    package init(model: any LanguageModel, kv: KVFormat, pool: WorkerPool, sequences: Int, positions: Int) {
        self.model = model
        self.pool = pool
        blocksEach = KVBlock.count(tokens: positions)
        cache = KVCache(layout: model.config.kvLayout(kv), layers: model.config.layers, blockCount: blocksEach * sequences)
        tables = AlignedBuffer(count: blocksEach * sequences)
        for index in 0..<tables.count { tables.pointer[index] = Int32(index) }
    }

    /// Reads a prompt of `tokens` tokens, `chunk` in a pass, up to the choice of the next token. Returns the time it took.
    package func prefill(tokens: Int, chunk: Int) -> Duration {
        let start = ContinuousClock.now
        readPrompt(tokens: tokens, chunk: chunk)
        return ContinuousClock.now - start
    }

    /// Decodes `steps` tokens for each of `batch` sequences that have `context` tokens behind them. Returns the time of those steps.
    package func decode(batch: Int, context: Int, steps: Int, chunk: Int) -> Duration {
        begin(batch: batch, context: context, chunk: chunk)
        var tokens = (0..<batch).map { token($0) }
        let start = ContinuousClock.now
        for step in 0..<steps { decodeStep(&tokens, position: context + step, context: context, adapters: [.none]) }
        return ContinuousClock.now - start
    }

    /// Takes `steps` decode steps of `batch` sequences under every one of `variants` in turn, each from the same tokens, so that a drift of the
    /// machine meets all of them. The adapter sets of a variant are dealt out to runs of sequences. Returns every step's time, by variant.
    package func decodeInTurn(batch: Int, context: Int, steps: Int, chunk: Int, variants: [[AdapterSet]]) -> [[Duration]] {
        begin(batch: batch, context: context, chunk: chunk)
        var tokens = (0..<batch).map { token($0) }
        var times = [[Duration]](repeating: [], count: variants.count)
        for step in 0..<steps {
            var next = tokens
            for (index, adapters) in variants.enumerated() {
                var drawn = tokens
                let start = ContinuousClock.now
                decodeStep(&drawn, position: context + step, context: context, adapters: adapters)
                times[index].append(ContinuousClock.now - start)
                if index == 0 { next = drawn }
            }
            tokens = next
        }
        return times
    }

    /// Gives each of `batch` sequences `context` tokens.
    private func begin(batch: Int, context: Int, chunk: Int) {
        readPrompt(tokens: context, chunk: chunk)
        // The other sequences get copies of the first one's keys and values: reading them costs the same, making them costs nothing.
        for sequence in 1..<max(batch, 1) {
            for block in 0..<KVBlock.count(tokens: context) {
                cache.copyBlock(from: Int(table(0)[block]), to: Int(table(sequence)[block]))
            }
        }
    }

    /// Replaces each sequence's token by the one that follows it.
    private func decodeStep(_ tokens: inout [Int32], position: Int, context: Int, adapters: [AdapterSet]) {
        plan.removeAll()
        for sequence in 0..<tokens.count {
            plan.append(
                token: tokens[sequence], position: position, promptLength: context, blockTable: table(sequence),
                adapters: adapters[sequence * adapters.count / tokens.count], wantsOutput: true)
        }
        let observes = adapters.contains(where: \.observes)
        run(observes: observes) { logits in
            for sequence in 0..<tokens.count {
                tokens[sequence] = Int32(RowOperations.argmax(logits.row(sequence), count: logits.columns, on: pool.instructionSet))
            }
        }
    }

    private func readPrompt(tokens: Int, chunk: Int) {
        for first in stride(from: 0, to: tokens, by: chunk) {
            plan.removeAll()
            for position in first..<min(first + chunk, tokens) {
                plan.append(
                    token: token(position), position: position, promptLength: tokens, blockTable: table(0),
                    adapters: .none, wantsOutput: position == tokens - 1)
            }
            run { _ in }
        }
    }

    private func run(observes: Bool = false, _ use: (MatrixView) -> Void) {
        let mark = workspace.mark()
        defer { workspace.release(mark) }
        plan.observations.begin(rows: plan.rowCount)
        if observes { for row in 0..<plan.rowCount { plan.observations.want(row: row) } }
        let hidden = model.forward(plan, cache: cache, pool: pool, workspace: workspace)
        if hidden.rows > 0 { use(model.logits(hidden, pool: pool, workspace: workspace)) }
    }

    private func table(_ sequence: Int) -> UnsafePointer<Int32> { UnsafePointer(tables.pointer + sequence * blocksEach) }

    /// An arbitrary token of the vocabulary (Knuth's multiplicative hash).
    private func token(_ index: Int) -> Int32 {
        Int32((UInt64(index + 1) &* 2_654_435_761) % UInt64(model.config.vocabSize))
    }
}
