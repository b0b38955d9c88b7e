import Adapters
import Foundation
import Testing

@testable import AdapterRegistry

/// Files that are overwritten in place, as `cp new old` does, while they are read: an error or one of the versions, never a mixture and never
/// a signal.
@Suite struct OverwrittenFilesTests {
    /// Overwrites a file again and again, with pauses in which it is whole, until it is dropped.
    private final class Writer: Sendable {
        private let thread: Task<Void, Never>

        init(_ path: String, _ versions: [Data]) {
            thread = Task.detached {
                var turn = 0
                while !Task.isCancelled {
                    let content = versions[turn % versions.count]
                    let descriptor = open(path, O_WRONLY | O_TRUNC)
                    content.withUnsafeBytes { bytes in
                        var done = 0
                        while done < bytes.count {
                            done += max(0, write(descriptor, bytes.baseAddress! + done, min(100_000, bytes.count - done)))
                        }
                    }
                    close(descriptor)
                    turn += 1
                    // Longer than a tick of the clock that files are stamped by.
                    try? await Task.sleep(for: .milliseconds(15))
                }
            }
        }

        func stop() async {
            thread.cancel()
            await thread.value
        }
    }

    private static let rank = 4000

    private static func loraTensors(_ value: Float) -> Data {
        let prefix = "base_model.model.model.layers.1.self_attn.q_proj"
        return AdaptersFolder.safetensors([
            ("\(prefix).lora_A.weight", [rank, smallShape.hiddenSize], value),
            ("\(prefix).lora_B.weight", [smallShape.queryWidth, rank], value),
        ])
    }

    /// Resolves until it has seen so many successes, and hands each to `check`.
    private func resolve(
        _ selection: AdapterSelection, in registry: AdapterRegistry, _ check: (AdapterSet) throws -> Void
    ) async throws {
        var successes = 0
        for _ in 0..<4000 where successes < 20 {
            do {
                try check(try await registry.resolve([selection]))
                successes += 1
                // What is loaded already would be no test.
                registry.limitMemory(0)
                registry.limitMemory(.max)
            } catch let error as AdapterError {
                guard case .badFile = error else { throw error }
            }
        }
        #expect(successes == 20)
    }

    @Test func aLoRA() async throws {
        let folder = try AdaptersFolder()
        try folder.addLoRA("math", rank: Self.rank)
        let (values, path): ([Float], String) = ([0.25, 0.75], folder.path("math/adapter_model.safetensors").path)
        var digests: [String: Float] = [:]
        for value in values {
            try folder.write(Self.loraTensors(value), to: "math/adapter_model.safetensors")
            digests[try #require(AdapterRegistry.inspect(folder: folder.path("math"), shape: smallShape).digest)] = value
        }
        let registry = try folder.registry()
        let writer = Writer(path, values.map(Self.loraTensors))
        try await resolve(AdapterSelection(name: "math"), in: registry) { set in
            let value = try #require(digests[set.report[0].digest], "a version that nobody wrote")
            let a = set.loras(layer: 1, module: .q)[0].update.a
            var row = [Float](repeating: 0, count: smallShape.hiddenSize)
            for index in 0..<Self.rank {
                a.copyRow(index, into: &row)
                #expect(row == [Float](repeating: value, count: row.count), "row \(index)")
            }
        }
        await writer.stop()
    }

    /// A file that is cut short for good, after its header was read.
    @Test(arguments: ["sparsify", "saelens", "steering", "gguf"]) func otherKinds(_ kind: String) async throws {
        let folder = try AdaptersFolder()
        let file: String
        switch kind {
        case "sparsify":
            try folder.addSAE("x", hookpoints: ["layers.1"])
            file = "x/layers.1/sae.safetensors"
        case "saelens":
            try folder.addSAELens("x", hook: "blocks.1.hook_resid_post")
            file = "x/sae_weights.safetensors"
        case "steering":
            try folder.addSteering("x", hookpoints: ["layers.1"])
            file = "x/vector.safetensors"
        default:
            try folder.addPackedLoRA("x")
            file = "x/adapter.gguf"
        }
        let path = folder.path(file).path
        let whole = try Data(contentsOf: folder.path(file))
        let places = try SAEPlaces.find(
            in: folder.path("x"), contents: Set(FileManager.default.contentsOfDirectory(atPath: folder.path("x").path)), adapter: "x")
        for cut in [whole.count - 1, whole.count / 2, 0] {
            try whole.write(to: folder.path(file))
            let load: () throws -> Void
            switch kind {
            case "sparsify", "saelens":
                let layout = try places[0].open(in: folder.path("x"), name: "x", shape: smallShape)
                load = { _ = try layout.load(digest: "", format: .bf16, pool: .init(threads: 2)) }
            case "steering":
                let layout = try SteeringLayout(folder: folder.path("x"), name: "x", shape: smallShape)
                load = { _ = try layout.load(digest: "") }
            default:
                guard case .lora(let layout) = try GGUFAdapter(folder: folder.path("x"), file: "adapter.gguf", name: "x", shape: smallShape)
                else { throw AdapterError.unknown(name: "x", near: []) }
                load = { _ = try layout.load(digest: "", format: .int8, base: nil, pool: .init(threads: 2)) }
            }
            try load()
            #expect(truncate(path, off_t(cut)) == 0)
            #expect { try load() } throws: { error in
                guard case .badFile(_, _, let problem)? = error as? AdapterError else { return false }
                return problem.contains("changed while it was read")
            }
        }
    }
}
