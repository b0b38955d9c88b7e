import Checkpoints
import Foundation
import Models
import RandomModels
import TestSupport
import Testing

/// One tiny Llama with biases everywhere, stored as a Hugging Face folder and as GGUF: both must read the same.
@Suite struct WeightReaderTests {
    private func open(_ name: String) throws -> (config: ModelConfig, weights: WeightReader, checkpoint: Checkpoint) {
        let checkpoint = try Checkpoint.open(path: ReferenceAnswers.folder("checkpoints").appendingPathComponent(name).path)
        let config = try ModelConfig.read(checkpoint)
        return (config, try WeightReader(checkpoint: checkpoint, config: config), checkpoint)
    }

    private func floats(_ weights: WeightReader, _ place: WeightPlace) throws -> [Float] {
        let shape = try #require(weights.shape(place), "no \(place)")
        var values = [Float](repeating: .nan, count: shape.reduce(1, *))
        try weights.read(place, rows: 0..<shape[0], into: &values)
        return values
    }

    @Test func configurationsAgree() throws {
        var folder = try open("llama").config
        var gguf = try open("llama.gguf").config
        let (wanted, got) = (folder.rotary().inverseFrequencies, gguf.rotary().inverseFrequencies)
        for (got, wanted) in zip(got, wanted) { #expect(abs(got - wanted) <= 4 * wanted.ulp) }
        #expect(folder.ropeScaling == .llama3(factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContext: 64))
        guard case .divisors = gguf.ropeScaling else {
            Issue.record("rope_freqs.weight was not read: \(String(describing: gguf.ropeScaling))")
            return
        }
        folder.ropeScaling = nil
        gguf.ropeScaling = nil
        #expect(folder == gguf)
        #expect(folder.eosTokens == [2, 3])
        #expect(folder.mlpBias && folder.outputBias && folder.qkvBias && !folder.tiedEmbeddings)
    }

    @Test func everyTensorReadsTheSame() throws {
        let (folder, gguf) = (try open("llama"), try open("llama.gguf"))
        let tensors = folder.config.family.weights.tensors(folder.config, inGGUF: false)
        #expect(tensors.map(\.name).sorted() == folder.checkpoint.tensors.tensorNames && tensors.count == 2 * 16 + 3)
        for tensor in tensors {
            let place = tensor.parts[0].place
            let (wanted, got) = (try floats(folder.weights, place), try floats(gguf.weights, place))
            #expect(got == wanted, "\(tensor.name)")
            #expect(wanted == (try folder.checkpoint.tensors.floats(tensor.name)), "\(tensor.name)")
        }
        let bias = WeightPlace(.k, layer: 1).bias
        #expect(try gguf.weights.vector(bias) == folder.weights.vector(bias))
        #expect(try gguf.weights.vector(WeightPlace(.finalNorm)) == folder.weights.vector(WeightPlace(.finalNorm)))
    }

    @Test func partsOfPermutedMatrices() throws {
        let gguf = try open("llama.gguf").weights
        let place = WeightPlace(.q, layer: 0)
        let whole = try floats(gguf, place)
        for rows in [0..<1, 5..<23, 63..<64, 10..<10] {
            var part = [Float](repeating: .nan, count: max(rows.count, 1) * 32)
            try gguf.read(place, rows: rows, into: &part)
            #expect(Array(part.prefix(rows.count * 32)) == Array(whole[rows.lowerBound * 32..<rows.upperBound * 32]))
        }
        var row = [Float](repeating: 0, count: 32)
        #expect(throws: CheckpointError.self) { try gguf.read(place, rows: 64..<65, into: &row) }
    }

    @Test func saysWhatIsMissing() throws {
        let weights = try open("llama").weights
        #expect { _ = try weights.vector(WeightPlace(.q, layer: 2)) } throws: {
            "\($0)".contains("tensor model.layers.2.self_attn.q_proj.weight is missing; the nearest names")
        }
        #expect(weights.shape(WeightPlace(.head).bias) == nil)
    }

    private func openWith(_ further: [(String, [Int])]) throws -> (ModelConfig, WeightReader) {
        var random = try RandomCheckpoint(seed: 9)
        defer { random.remove() }
        let folder = try random.model(further: further.map { ($0, $1, [Float](repeating: 1, count: $1.reduce(1, *))) })
        let checkpoint = try Checkpoint.open(path: folder.path)
        let config = try ModelConfig.read(checkpoint)
        return (config, try WeightReader(checkpoint: checkpoint, config: config))
    }

    /// What models keep beside their weights and old versions stored too, under the names that `transformers` passes over.
    @Test(arguments: [
        ("self_attn.rotary_emb.inv_freq", [8]), ("self_attn.rotary_emb.cos_cached", [1, 1, 20, 16]),
        ("self_attn.rotary_emb.sin_cached", [20, 16]), ("self_attn.masked_bias", []), ("self_attn.masked_bias", [1]),
        ("self_attn.bias", [1, 1, 20, 20]), ("attn.bias", [20, 20]),
    ])
    func storedBuffersArePassedOver(name: String, shape: [Int]) throws {
        let (_, weights) = try openWith((0..<RandomCheckpoint.layers).map { ("model.layers.\($0).\(name)", shape) })
        let (_, plain) = try openWith([])
        let wanted = WeightPlace(.q, layer: 1)
        #expect(try floats(weights, wanted) == floats(plain, wanted))
    }

    /// What looks like them and would change the result.
    @Test(arguments: [
        ("self_attn.q_norm.weight", [16]), ("self_attn.bias", [64]), ("self_attn.bias", [20, 30]), ("self_attn.masked_bias", [64]),
        ("self_attn.rotary_emb.scale", [1]), ("self_attn.k_scale", [1]),
    ])
    func otherTensorsAreRefused(name: String, shape: [Int]) throws {
        #expect { _ = try openWith([("model.layers.1.\(name)", shape)]) } throws: {
            "\($0)".contains("tensor model.layers.1.\(name), which this architecture does not use")
        }
    }

    @Test func checksShapesAgainstTheConfiguration() throws {
        let (config, _, checkpoint) = try open("llama")
        let expectRefusal = { (change: (inout ModelConfig) -> Void, reason: String) in
            var changed = config
            change(&changed)
            #expect { _ = try WeightReader(checkpoint: checkpoint, config: changed) } throws: {
                $0 is CheckpointError && "\($0)".contains(reason)
            }
        }
        expectRefusal({ $0.vocabSize = 47 }, "tensor model.embed_tokens.weight has shape [48, 32], wanted [47, 32]")
        expectRefusal({ $0.headDim = 8 }, "self_attn.q_proj.weight has shape [64, 32], wanted [32, 32]")
        expectRefusal({ $0.layers = 3 }, "tensor model.layers.2.input_layernorm.weight is missing")
        expectRefusal({ $0.mlpBias = false }, "model.layers.0.mlp.down_proj.bias, which this architecture does not use")
        // Fewer layers than stored is a legal cut.
        var shallow = config
        shallow.layers = 1
        #expect(try WeightReader(checkpoint: checkpoint, config: shallow).shape(WeightPlace(.up, layer: 1)) == nil)
        var tied = config
        tied.tiedEmbeddings = true
        #expect(try WeightReader(checkpoint: checkpoint, config: tied).shape(WeightPlace(.head)) == nil)
    }
}
