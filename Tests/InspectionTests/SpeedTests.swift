import Adapters
import Foundation
import Models
import Tensors
import Testing
import Workbench

@testable import Inspection

/// Measurements of speed: how many there are and of what; how fast is no test's business.
@Suite struct SpeedTests {
    @Test func modelRoundsAndBatches() throws {
        let world = try World(seed: 41)
        var question = ModelSpeed.Question()
        (question.prompt, question.batches, question.tokens, question.context, question.rounds) = (40, [1, 3], 2, 33, 2)
        question.chunk = 16
        let speed = try ModelSpeed(question, on: world.bench)
        #expect(speed.weights == "f32" && speed.kv == "f32" && speed.threads == 2 && speed.weightBytesPerToken > 0)
        #expect(speed.prefill.map(\.tokens) == [40] && speed.prefill[0].tokensPerSecond.count == 2)
        #expect(speed.decode.map(\.batch) == [1, 3] && speed.decode.allSatisfy { $0.tokensPerSecond.count == 2 })
        #expect(speed.probe.readGigabytesPerSecond.count == 2)
        #expect((speed.prefill[0].tokensPerSecond + speed.decode.flatMap(\.tokensPerSecond)).allSatisfy { $0 > 0 })
        question.prompt = 0
        #expect(try ModelSpeed(question, on: world.bench).prefill.isEmpty)
    }

    @Test func adaptersInTurn() throws {
        let world = try World(seed: 42)
        var question = AdapterSpeed.Question()
        (question.batches, question.loras, question.rank) = ([1, 2], [1, 2, 16], 4)
        (question.latents, question.k, question.turns, question.context) = (64, 4, 3, 8)
        let speed = try AdapterSpeed(question, on: world.bench)
        let hooked = ["steering vector", "SAE splice", "SAE edit, set", "SAE edit, add", "SAE observe, top 4"]
        #expect(speed.rows.filter { $0.batch == 1 }.map(\.name) == ["base", "one LoRA"] + hooked)
        #expect(speed.rows.filter { $0.batch == 2 }.map(\.name) == ["base", "one LoRA", "2 different LoRAs"] + hooked)
        #expect(speed.rows.allSatisfy { $0.seconds.count == 3 && $0.shareOfBase.count == 3 })
        #expect(speed.rows[0].shareOfBase == [1, 1, 1] && speed.loraBytes > 0 && speed.adapterWeights == "f32")
        question.layer = 3
        #expect(throws: InspectionError.self) { try AdapterSpeed(question, on: world.bench) }
        (question.layer, question.latents, question.loras) = (0, 0, [0])
        #expect(try AdapterSpeed(question, on: world.bench).rows.map(\.name) == ["base", "steering vector", "base", "steering vector"])
    }

    /// Greedy decoding of the same tokens, whatever stands beside them.
    @Test func stepsOfVariantsAreTakenFromTheSameTokens() throws {
        let world = try World(seed: 43)
        let benchmark = ModelBenchmark(
            model: try world.bench.model(), kv: .f32, pool: world.bench.pool, sequences: 2, positions: 12)
        let times = benchmark.decodeInTurn(batch: 2, context: 8, steps: 4, chunk: 3, variants: [[.none], [.none, .none]])
        #expect(times.map(\.count) == [4, 4])
        #expect(benchmark.prefill(tokens: 12, chunk: 5) > .zero && benchmark.decode(batch: 2, context: 8, steps: 4, chunk: 3) > .zero)
    }

    @Test func kernels() throws {
        var question = KernelSpeed.Question()
        (question.shapes, question.formats, question.rows, question.rounds) = (
            [KernelSpeed.Shape(outputs: 64, inputs: 256)], [.bf16, .int8], [1, 2], 1
        )
        let rows = try KernelSpeed.measure(question, pool: WorkerPool(threads: 1), watcher: Unwatched())
        #expect(rows.map(\.weights) == ["bf16", "bf16", "int8", "int8"] && rows.map(\.rows) == [1, 2, 1, 2])
        #expect(rows.allSatisfy { $0.microseconds > 0 && $0.ofRoof > 0 && $0.outputs == 64 && $0.inputs == 256 })
        #expect(KernelSpeed.Shape("8960x1536") == KernelSpeed.Shape(outputs: 8960, inputs: 1536))
        for text in ["", "1", "1x", "0x4", "1x2x3", "ax3", "1x9999999"] { #expect(KernelSpeed.Shape(text) == nil) }
    }

    @Test func loading() async throws {
        let world = try World(seed: 44)
        let folder = world.place("lora-upper").folder
        let weights = try ModelWeights(path: world.bench.bundle.path)
        let speed = try #require(try await LoadingSpeed(of: folder, for: weights, formats: [.f32, .bf16], rounds: 2))
        #expect(speed.adapter == "lora-upper" && speed.fileBytes > 0 && speed.rows.map(\.format) == ["f32", "bf16"])
        #expect(speed.rows.allSatisfy { $0.bytes > 0 && $0.seconds.count == 2 && $0.firstSeconds > 0 })
        #expect(try await LoadingSpeed(of: folder, for: weights, formats: [], rounds: 2) == nil)
    }

    @Test func machine() {
        let report = MachineReport(pool: WorkerPool(threads: 1))
        #expect(report.threads == 1 && report.processors > 0 && report.readGigabytesPerSecond > 0)
        #expect(report.availableInstructionSets.contains(report.instructionSet))
    }
}
