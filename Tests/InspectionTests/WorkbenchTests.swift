import AdapterRegistry
import Adapters
import Foundation
import Models
import Tensors
import Testing
import Texts
import Workbench

/// What is opened around a model.
@Suite struct WorkbenchTests {
    @Test func everythingIsOpenedOnce() throws {
        let world = try World(seed: 61, weights: .int8)
        let bench = world.bench
        #expect(bench.pool === bench.pool && bench.pool.threads == 2)
        #expect(try bench.model() as AnyObject === bench.model() as AnyObject)
        #expect(bench.settings.kvFormat == .bf16 && bench.settings.adapterFormat == .int8)
        #expect(try bench.digest().hasPrefix("sha256:"))
        let (loaded, name) = try Workbench.load(model: bench.bundle.path, bench.settings) { $0.name }
        let digests = (try loaded.digest(), try bench.digest())
        #expect(name == bench.bundle.name && digests.0 == digests.1)
        struct Refused: Error {}
        #expect(throws: Refused.self) { try Workbench.load(model: bench.bundle.path, bench.settings) { _ in throw Refused() } }
    }

    /// One folder by itself is what it is among others, wherever it lies and whatever its name.
    @Test func aFolderAlone() async throws {
        let world = try World(seed: 62)
        let among = try await world.adapters().resolve([AdapterSelection(name: "lora-upper")])
        let hidden = world.folder.appendingPathComponent("elsewhere/.hidden")
        try FileManager.default.createDirectory(at: hidden.deletingLastPathComponent(), withIntermediateDirectories: true)
        try FileManager.default.copyItem(at: world.place("lora-upper").folder, to: hidden)
        let alone = try await world.bench.load(AdapterSelection(name: "mine"), from: hidden)
        #expect(alone.report.map(\.name) == ["mine"] && alone.report.map(\.digest) == among.report.map(\.digest))
        await #expect(throws: AdapterError.self) { try await world.bench.load(AdapterSelection(name: "mine"), from: world.folder) }
    }

    @Test func engineSettings() throws {
        let bench = try World(seed: 63).bench
        let settings = bench.engineSettings(context: 100, batch: 3, kvTokens: nil)
        #expect((settings.contextLength, settings.maxBatch, settings.kvFormat) == (100, 3, .f32))
        #expect((100...300).contains(settings.kvTokens) && bench.engineSettings(context: 100, batch: 3, kvTokens: 777).kvTokens == 777)
    }

    @Test func chunksOfTriggerData() throws {
        let world = try World(seed: 64)
        var data = TriggerData(path: try world.write("{\"problem\": \"1+1?\", \"answer\": \"2\"}\n{\"text\": \"more\"}", "rows.jsonl"))
        data.length = 8
        for template in TriggerTemplate.allCases {
            data.template = template
            let chunks = try world.bench.chunks(data)
            #expect(chunks.length == 8 && chunks.count > 0)
        }
        data.template = .raw
        #expect(try world.bench.chunks(data).tokens(0) == Array("1+1?\n2".utf8.map { Int32($0) } + [0] + [Int32(UInt8(ascii: "m"))]))
        data.rows = 1
        #expect(try world.bench.chunks(data).tokenCount == 7)
        try FileManager.default.removeItem(at: URL(fileURLWithPath: world.bench.bundle.path).appendingPathComponent("chat_template.jinja"))
        let bare = try Workbench(model: world.bench.bundle.path, world.bench.settings)
        data.template = .chat
        #expect(throws: WorkbenchError.noChatTemplate(model: nil, advice: "use --template paper or raw")) { try bare.chunks(data) }
        #expect(throws: WorkbenchError.noChatTemplate(model: bare.bundle.name, advice: "think")) { try bare.chatTemplate(orElse: "think") }
    }
}
