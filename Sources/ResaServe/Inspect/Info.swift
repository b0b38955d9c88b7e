import ArgumentParser
import Foundation
import Inspection
import Models
import Tensors
import Terminal

/// `resa info`: what a checkpoint holds.
struct Info: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show a model's configuration, tensors, tokenizer and template.",
        discussion: "Reads headers only; weights are neither read nor packed.")

    @OptionGroup var source: ModelOptions

    @Flag(help: "List every tensor.")
    var tensors = false

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let report = ModelReport(try ModelBundle.open(path: source.model), listsTensors: tensors)
        if json { return try Console.printJSON(report) }
        Console.printFacts(report.facts)
        if let tensors = report.tensors {
            Console.printLine("")
            Console.printTable(
                ["tensor", "type", "shape"], tensors.map { [$0.name, $0.type, $0.shape.map(String.init).joined(separator: " x ")] })
        }
    }
}

extension ModelReport {
    var facts: [(name: String, value: String?)] {
        func perFormat(_ formats: [String], _ bytes: [String: Int]) -> String {
            formats.map { "\(Quantity.bytes(bytes[$0] ?? 0)) \($0)" }.joined(separator: ", ")
        }
        let types = bytesByType.sorted { $0.value > $1.value }.map { "\($0.key) \(Quantity.bytes($0.value))" }.joined(separator: ", ")
        let packed: [(name: String, value: String?)] = [WeightFormat.int8, .int4].flatMap { format in
            MatrixRole.allCases.compactMap { role in
                packing[format.rawValue]?[role.rawValue].map { ("\(format.rawValue) \(role)", $0.text) }
            }
        }
        let model: [(name: String, value: String?)] = [
            ("model", name), ("path", path), ("architecture", architecture), ("parameters", Quantity.count(parameters)),
            ("tensors", "\(tensorCount), \(Quantity.bytes(tensorBytes)) (\(types))"),
            ("layers", "\(layers), hidden size \(hiddenSize), feed-forward size \(ffnSize)"),
            ("attention", "\(heads) heads, \(kvHeads) KV heads, head size \(headDim)\(qkvBias ? ", with bias" : "")"),
            ("context", "\(contextLength) tokens"), ("RoPE", "theta \(ropeTheta)\(ropeScaling.map { ", \($0)" } ?? "")"),
            ("RMSNorm epsilon", "\(rmsEpsilon)"),
            ("vocabulary", "\(vocabSize) rows, \(tokenizer.tokens) tokens, \(tiedEmbeddings ? "tied" : "separate") output"),
            ("in memory", perFormat(WeightFormat.allCases.map(\.rawValue), packedBytes)),
        ]
        let rest: [(name: String, value: String?)] = [
            ("KV per token", perFormat(KVFormat.allCases.map(\.rawValue), kvBytesPerToken)),
            ("begin token", tokenizer.bos.map { "\($0)\(tokenizer.addsBos ? ", added to every prompt" : "")" }),
            ("end tokens", tokenizer.endTokens.map(String.init).joined(separator: ", ") + (tokenizer.eos.map { " (\($0))" } ?? "")),
            (
                "chat template",
                chatTemplate
                    ? (opensThinkBlock ? "yes, opens a think block" : "yes") : chatTemplateProblem.map { "unusable: \($0)" } ?? "none"
            ),
        ]
        return model + packed + rest
    }
}

extension ModelReport.RolePacking {
    fileprivate var text: String {
        let notes = [exact > 0 ? "\(exact) repacked exactly" : nil, requantised > 0 ? "\(requantised) quantised anew" : nil]
        let note = notes.compactMap(\.self).joined(separator: ", ")
        return "\(formats.joined(separator: " / ")), \(Quantity.bytes(bytes)), \(String(format: "%.2f", bitsPerWeight)) bits a weight"
            + (note.isEmpty ? "" : " (\(note))")
    }
}
