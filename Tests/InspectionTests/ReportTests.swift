import AdapterRegistry
import Adapters
import Foundation
import Models
import Tensors
import Testing
import Workbench

@testable import Inspection

/// What packing costs, what a checkpoint holds, what an adapter's folder holds, and the text that is read.
@Suite struct ReportTests {
    @Test func formatsAgainstF32() throws {
        let world = try World(seed: 51)
        let text = try world.write(World.text, "text.txt")
        var question = FormatFidelity.Question(text: text)
        (question.context, question.contexts) = (32, 2)
        let fidelity = try FormatFidelity(question, on: world.bench)
        #expect(fidelity.formats.map(\.weights) == WeightFormat.allCases.filter { $0 != .f32 }.map(\.rawValue))
        #expect(fidelity.contexts == 2 && fidelity.contextTokens == 32 && fidelity.f32Perplexity > 1)
        #expect(fidelity.formats.allSatisfy { $0.meanKl > 0 && $0.meanKl < 1 && $0.medianKl <= $0.p99Kl })
        question.formats = [.int8]
        question.lora = world.place("lora-upper").folder.path
        let adapted = try FormatFidelity(question, on: world.bench)
        let others = AdapterFormat.allCases.filter { $0 != .f32 }.map { "LoRA \($0.rawValue)" }
        #expect(
            adapted.formats.map(\.weights)
                == ["f32, no LoRA"] + others.map { "f32, \($0)" } + AdapterFormat.allCases.map { "int8, LoRA \($0.rawValue)" })
        question.context = 4096
        #expect(throws: InspectionError.self) { try FormatFidelity(question, on: world.bench) }
    }

    @Test func aCheckpoint() throws {
        let world = try World(seed: 52)
        let report = ModelReport(world.bench.bundle, listsTensors: true)
        #expect(report.architecture == world.bench.bundle.config.architecture && report.layers == 3 && report.hiddenSize == 64)
        #expect(report.tensors?.count == report.tensorCount && report.tensors?.reduce(0) { $0 + $1.bytes } == report.tensorBytes)
        #expect(report.bytesByType.values.reduce(0, +) == report.tensorBytes && report.chatTemplate && !report.opensThinkBlock)
        #expect(report.packedBytes["int8"] ?? .max < report.packedBytes["f32"] ?? 0)
        #expect(report.packing["int8"]?.values.reduce(0) { $0 + $1.bytes } ?? 0 <= report.packedBytes["int8"] ?? 0)
        #expect(ModelReport(world.bench.bundle, listsTensors: false).tensors == nil)
    }

    @Test func anAdaptersFolder() throws {
        let world = try World(seed: 53)
        let shape = world.bench.bundle.config.shape
        let sae = AdapterContents(world.place("sae"), for: shape)
        #expect(sae.adapter.outline == "192 latents at layers.0, layers.1" && sae.adapter.error == nil)
        #expect(sae.files.map(\.name) == ["layers.0/sae.safetensors", "layers.1/sae.safetensors"])
        #expect(sae.files[0].tensors.map(\.name) == ["W_dec", "b_dec", "encoder.bias", "encoder.weight"])
        #expect(AdapterContents(world.place("lora-upper"), for: shape).adapter.outline == "rank 4")
        #expect(AdapterContents(world.place("vectors"), for: nil).adapter.outline == "vectors at layers.0.mlp, layers.1")
        try Data("no tensors".utf8).write(to: world.place("sae").folder.appendingPathComponent("layers.1/sae.safetensors"))
        let broken = AdapterContents(world.place("sae"), for: shape)
        #expect(broken.adapter.error != nil && broken.files[0].error == nil && broken.files[1].error != nil)
    }

    @Test func contextsOfAText() throws {
        let bundle = try World(seed: 54).bench.bundle
        func lengths(_ count: Int, _ length: Int, limit: Int = 1000) throws -> [Int] {
            try SampleText(source: "here", text: String(repeating: "a", count: count)).contexts(of: length, limit: limit, bundle).map(
                \.count)
        }
        #expect(try lengths(100, 32) == [32, 32, 32] && lengths(112, 32) == [32, 32, 32, 16] && lengths(10, 32) == [10])
        #expect(try lengths(100, 32, limit: 40) == [32] && lengths(5000, 9999, limit: 5000) == [2048, 2048])
        #expect(throws: InspectionError.self) { try lengths(1, 32) }
        #expect(try SampleText(path: nil).text == SampleText.page)
    }
}
