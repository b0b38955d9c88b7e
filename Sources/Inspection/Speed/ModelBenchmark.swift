import Adapters
import Models
import Tensors

/// Times passes of a model without scheduler, text or HTTP: what the engine could at most reach.
///
/// Sequences are made of arbitrary tokens, the same in every run; each step takes the most likely token of every row, as greedy decoding does.
/// Confined to the thread that calls it.
package final class ModelBenchmark {
    private let reader: TextReader

    /// - Parameters:
    ///   - sequences: the widest batch that will be asked for.
    ///   - positions: the longest sequence that will be asked for, prompt and answer, in tokens.
    package init(model: any LanguageModel, kv: KVFormat, pool: WorkerPool, sequences: Int, positions: Int) {
        reader = TextReader(model, kv: kv, texts: sequences, positions: positions, pool: pool)
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
        reader.copyFirst(positions: context, to: 1..<max(batch, 1))
    }

    /// Replaces each sequence's token by the one that follows it.
    private func decodeStep(_ tokens: inout [Int32], position: Int, context: Int, adapters: [AdapterSet]) {
        let mark = reader.workspace.mark()
        defer { reader.workspace.release(mark) }
        let observes = adapters.contains(where: \.observes)
        let logits = reader.step(tokens, position: position, promptLength: context, adapters: adapters, observes: observes)
        for sequence in tokens.indices {
            tokens[sequence] = Int32(
                RowOperations.argmax(logits.row(sequence), count: logits.columns, on: reader.pool.instructionSet))
        }
    }

    private func readPrompt(tokens: Int, chunk: Int) {
        let mark = reader.workspace.mark()
        defer { reader.workspace.release(mark) }
        _ = reader.logits(reader.read((0..<tokens).lazy.map(token), keeping: .last, chunk: chunk))
    }

    /// An arbitrary token of the vocabulary (Knuth's multiplicative hash).
    private func token(_ index: Int) -> Int32 {
        Int32((UInt64(index + 1) &* 2_654_435_761) % UInt64(reader.model.config.vocabSize))
    }
}
