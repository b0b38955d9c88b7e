import Adapters
import Checkpoints
import Foundation
import JSONText
import Models
import RandomModels
import TestSupport
import Testing

/// Every architecture's table is whole, and what follows from tables follows from it.
@Suite struct WeightTableTests {
    private static let tables = Architecture.all + [.toy]

    /// Widths that are told apart, but for those that heads make.
    private func config(_ architecture: Architecture) -> ModelConfig {
        var config = Self.shape
        config.family = architecture
        config.block = architecture.block
        return config
    }

    private static let shape = try! ModelConfig(
        huggingFace: JSON(
            parsing: #"""
                {"architectures": ["LlamaForCausalLM"], "hidden_size": 40, "num_hidden_layers": 2, "num_attention_heads": 6, "head_dim": 8,
                "num_key_value_heads": 3, "intermediate_size": 56, "vocab_size": 70, "max_position_embeddings": 90, "rms_norm_eps": 1e-6,
                "attention_bias": true, "mlp_bias": true, "tie_word_embeddings": false}
                """#), generation: nil)

    @Test func namesAreUnique() {
        for names in [Self.tables.map(\.name), Self.tables.compactMap(\.ggufName), Self.tables.map(\.huggingFaceName)] {
            #expect(Set(names).count == names.count && !names.contains(""))
        }
        for architecture in Architecture.all {
            #expect(Architecture.named(architecture.name) == architecture)
            if let name = architecture.ggufName { #expect(Architecture.ggufNamed(name) == architecture) }
        }
    }

    @Test(arguments: tables) func everyRoleIsThere(_ architecture: Architecture) {
        let weights = architecture.weights
        var roles: [WeightRole] = [.embedding, .finalNorm, .head, .q, .k, .v, .o, .up, .down]
        if case .gated = architecture.block.feedForward { roles.append(.gate) }
        if architecture.block.positions == .learned { roles.append(.positions) }
        for role in roles { #expect(weights.holds(role), "\(role)") }
        #expect(weights.holds(.gate) == roles.contains(.gate) && weights.holds(.positions) == roles.contains(.positions))
        #expect(weights.holds(.queryNorm) == weights.holds(.keyNorm))
        #expect(weights.holds(.attentionNorm) || weights.holds(.attentionOutputNorm))
        #expect(weights.holds(.feedForwardNorm) || weights.holds(.feedForwardOutputNorm))
        #expect(PackedStack.allCases.flatMap { $0.modules(in: weights) }.count == weights.rows.flatMap(\.modules).count)
        for row in weights.rows {
            #expect(!row.name.isEmpty && !row.gguf.isEmpty && row.roles.count == row.outputs.count)
            // A LayerNorm has a bias, an RMSNorm has none.
            if row.inputs == nil { #expect((row.bias == .always) == (architecture.block.norm == .layer), "\(row.name)") }
        }
        // What is in blocks stands together, so that the order is that of a pass through all of them.
        #expect(weights.rows.map(\.isInBlock).split(separator: false).count == 1)
    }

    @Test(arguments: tables, [false, true]) func tensorsHoldEveryWeightOnce(_ architecture: Architecture, inGGUF: Bool) throws {
        let config = config(architecture)
        let tensors = architecture.weights.tensors(config, inGGUF: inGGUF)
        #expect(Set(tensors.map(\.name)).count == tensors.count)
        let places = tensors.flatMap(\.parts).map(\.place)
        #expect(Set(places).count == places.count)
        for module in architecture.weights.rows.flatMap(\.modules) {
            for layer in 0..<config.layers { #expect(places.contains(WeightPlace(.projection(module), layer: layer))) }
        }
        for tensor in tensors {
            #expect(tensor.name.hasSuffix(tensor.parts[0].place.isBias ? ".bias" : ".weight"))
            let height = tensor.isTransposed ? tensor.shape[1] : tensor.shape[0]
            let rows = tensor.parts.flatMap { part in (0..<part.rows).map { part.order.stored($0) } }
            #expect(rows.sorted() == Array(0..<height), "\(tensor.name): every row belongs to one weight")
            for part in tensor.parts {
                guard let module = part.place.role.module else { continue }
                #expect(part.rows == config.shape.outputs(module))
                if !part.place.isBias { #expect(tensor.shape[tensor.isTransposed ? 0 : 1] == config.shape.inputs(module)) }
            }
        }
        var tied = config
        tied.tiedEmbeddings = true
        #expect(architecture.weights.tensors(tied, inGGUF: inGGUF).count == tensors.count - 1)
    }

    @Test(arguments: tables) func modulesAreFoundByTheirNames(_ architecture: Architecture) throws {
        let weights = architecture.weights
        for row in weights.rows where row.isProjection {
            for inGGUF in [false, true] {
                let name = weights.module(row, layer: 12, inGGUF: inGGUF)
                let found = try #require(weights.find(module: name.utf8, inGGUF: inGGUF))
                #expect(found.row.name == row.name && found.layer == 12)
                #expect(weights.find(weight: name + ".weight", inGGUF: inGGUF)?.row.name == row.name)
                #expect(weights.find(module: (name + ".x").utf8, inGGUF: inGGUF) == nil)
                #expect(weights.find(weight: name + ".bias", inGGUF: inGGUF) == nil)
                #expect(weights.moduleNames(inGGUF: inGGUF).contains(inGGUF ? row.gguf : row.name))
            }
            let name = weights.module(row, layer: 12)
            let short = String(name.drop { $0 != "." }.dropFirst())
            #expect(weights.find(module: short.utf8)?.row.name == row.name)
        }
        for bad in ["", ".", "layers", "model.layers.", "model.layers.x.mlp.up_proj", "model.layers.1234567.mlp.up_proj", "blk.1"] {
            #expect(weights.find(module: bad.utf8) == nil && weights.find(module: bad.utf8, inGGUF: true) == nil)
        }
    }

    /// Names and shapes of tiny models of `transformers`, all of them and nothing else.
    @Test func transformersHasTheSameTensors() throws {
        struct Named: Decodable {
            let config: String
            let tensors: [String: [Int]]
        }
        let models = try ReferenceAnswers.decode(
            [String: Named].self, ReferenceAnswers.folder("models").appendingPathComponent("tensors.json"))
        let known = Architecture.all
        #expect(Set(models.keys).isSubset(of: known.map(\.huggingFaceName)) && models.count >= 8)
        for (name, model) in models {
            let architecture = try #require(known.first { $0.huggingFaceName == name })
            var json = try #require(JSON(parsing: model.config).object)
            json["architectures"] = .array([.string(name)])
            let config = try ModelConfig(huggingFace: .object(json), generation: nil, among: known)
            #expect(config.family == architecture)
            let tensors = architecture.weights.tensors(config, inGGUF: false)
            #expect(Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, $0.shape) }) == model.tensors, "\(name)")
        }
    }
}
