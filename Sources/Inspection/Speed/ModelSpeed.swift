import Measuring
import Models
import Tensors
import Workbench

/// How fast a model reads a prompt and decodes, without scheduler, text or HTTP. Every round measures the machine, then one prompt, then each
/// batch in turn, so that a drift of the machine meets all of them.
package struct ModelSpeed: Encodable {
    /// What is timed.
    package struct Question {
        /// Tokens of the prompt; 0 for none.
        package var prompt = 512
        /// Sequences decoded at once.
        package var batches = [1, 4, 8, 16, 32]
        /// Decoded of each sequence, and behind it.
        package var tokens = 32
        package var context = 128
        /// Prompt tokens in a pass.
        package var chunk = 512
        package var rounds = 3

        package init() {}
    }

    package struct Probe: Encodable {
        package private(set) var readGigabytesPerSecond: [Double] = []
        package private(set) var f32GigaflopsPerSecond: [Double] = []
        package private(set) var bf16GigaflopsPerSecond: [Double] = []
        package private(set) var int8GigaopsPerSecond: [Double] = []

        fileprivate mutating func add(_ probe: MachineProbe) {
            readGigabytesPerSecond.append(probe.readGigabytesPerSecond)
            f32GigaflopsPerSecond.append(probe.f32GigaflopsPerSecond)
            bf16GigaflopsPerSecond.append(probe.bf16GigaflopsPerSecond)
            int8GigaopsPerSecond.append(probe.int8GigaopsPerSecond)
        }
    }

    package struct Prefill: Encodable {
        package let tokens: Int
        package fileprivate(set) var tokensPerSecond: [Double] = []
    }

    package struct Decode: Encodable {
        package let batch: Int
        package let context: Int
        package fileprivate(set) var tokensPerSecond: [Double] = []
    }

    package let model: String
    package let weights: String
    package let kv: String
    package let threads: Int
    package let weightBytesPerToken: Int
    package private(set) var probe = Probe()
    package private(set) var prefill: [Prefill]
    package private(set) var decode: [Decode]

    /// - Throws: what opening the model throws.
    package init(_ question: Question, on bench: Workbench) throws {
        let (pool, settings) = (bench.pool, bench.settings)
        let loaded = try bench.model()
        let benchmark = ModelBenchmark(
            model: loaded, kv: settings.kvFormat, pool: pool, sequences: question.batches.max() ?? 1,
            positions: max(question.prompt, question.context + question.tokens))
        (model, weights, kv) = (bench.bundle.name, settings.weights.rawValue, settings.kvFormat.rawValue)
        (threads, weightBytesPerToken) = (pool.threads, loaded.bytesPerStep)
        prefill = question.prompt > 0 ? [Prefill(tokens: question.prompt)] : []
        decode = question.batches.map { Decode(batch: $0, context: question.context) }
        _ = benchmark.decode(batch: 1, context: 1, steps: 2, chunk: question.chunk)
        let work = bench.watcher.begin("resa: timing \(model)", count: nil)
        defer { work.finish() }
        let steps = Double(question.rounds * (1 + prefill.count + decode.count))
        var done = 0.0
        func advance() {
            done += 1
            work.report(done / steps)
        }
        for _ in 0..<question.rounds {
            probe.add(MachineProbe.measure(pool: pool))
            advance()
            for index in prefill.indices {
                let seconds = benchmark.prefill(tokens: question.prompt, chunk: question.chunk).seconds
                prefill[index].tokensPerSecond.append(Double(question.prompt) / seconds)
                advance()
            }
            for index in decode.indices {
                let batch = decode[index].batch
                let time = benchmark.decode(batch: batch, context: question.context, steps: question.tokens, chunk: question.chunk)
                decode[index].tokensPerSecond.append(Double(batch * question.tokens) / time.seconds)
                advance()
            }
        }
    }
}
