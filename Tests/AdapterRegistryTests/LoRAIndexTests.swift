import Adapters
import Foundation
import Tensors
import Testing

@testable import AdapterRegistry

/// What the index of stored LoRAs says is what their files say, whatever happened to either.
@Suite struct LoRAIndexTests {
    private let home: StoreFolder
    private let folder: AdaptersFolder

    init() throws {
        (home, folder) = (try StoreFolder(), try AdaptersFolder())
        try folder.addLoRA("one", rank: 2)
        try folder.addLoRA("two", rank: 3)
        try folder.addSAE("sae", hookpoints: ["layers.1"])
        for adapter in ["one", "two", "sae"] { _ = try home.store.add(folder: folder.path(adapter), as: name(adapter)) }
    }

    private func list(_ shape: ModelShape = smallShape) throws -> [AdapterSummary] {
        try AdapterRegistry(folder: nil, store: home.store, shape: shape, format: .f32, baseName: "base").list()
    }

    private func index(_ shape: ModelShape = smallShape) -> LoRAIndex { LoRAIndex(store: home.store, shape: shape, format: .f32) }

    /// How many of the stored LoRAs a new process would have to read.
    private func unknown() throws -> Int {
        let (index, facts) = (index(), LoRAFacts(try LoRALayout(folder: folder.path("one"), name: "one", shape: nil), format: .f32))
        var count = 0
        for adapter in ["one", "two"] {
            let version = home.store.folder(try home.store.resolve(name(adapter)))
            _ = try index.facts(version, files: ["adapter_config.json", "adapter_model.safetensors"]) { () throws(AdapterError) in
                count += 1
                return facts
            }
        }
        return count
    }

    private func blob(_ adapter: String, _ file: String) throws -> URL {
        let manifest = try home.store.resolve(name(adapter))
        return home.store.blob(try #require(manifest.files.first { $0.path == file }).sha256)
    }

    @Test func theListIsTheSameWithAndWithout() throws {
        let wanted = try folder.registry().list()
        #expect(try unknown() == 2)
        for _ in 0..<2 {
            #expect(try list() == wanted)
            #expect(try unknown() == 0)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: home.store.partial.path) == [])
    }

    @Test func aDamagedIndexIsBuiltAnew() throws {
        let wanted = try list()
        let whole = try Data(contentsOf: index().url)
        var damaged = [Data(), Data("x".utf8), whole.dropLast(), whole.prefix(64), whole.prefix(65), whole + [0]]
        for place in stride(from: 0, to: whole.count, by: 7) {
            var data = whole
            data[place] ^= 1
            damaged.append(data)
        }
        for data in damaged {
            try data.write(to: index().url)
            #expect(try unknown() == 2)
        }
        #expect(try list() == wanted)
        #expect(try unknown() == 0)
    }

    @Test func filesThatChangedAreReadAgain() throws {
        _ = try list()
        let tensors = try blob("one", "adapter_model.safetensors")
        let whole = try Data(contentsOf: tensors)
        try FileManager.default.removeItem(at: tensors)
        try whole.dropLast().write(to: tensors)
        #expect(try list().map(\.state) == [.broken, .cold, .cold])
        // What is broken is not remembered, and whole again it is as before.
        #expect(try list().map(\.state) == [.broken, .cold, .cold])
        try FileManager.default.removeItem(at: tensors)
        try whole.write(to: tensors)
        #expect(try list() == folder.registry().list())
        #expect(try unknown() == 0)
    }

    @Test func thoseInGGUFFilesAreInIt() throws {
        try folder.addPackedLoRA("packed")
        _ = try home.store.add(folder: folder.path("packed"), as: name("packed"))
        let wanted = try folder.registry().list()
        let version = home.store.folder(try home.store.resolve(name("packed")))
        /// Whether a new process would have to read it.
        func isUnknown() throws -> Bool {
            var isRead = false
            _ = try index().facts(version, files: ["adapter.gguf"]) { () throws(AdapterError) in
                isRead = true
                return nil
            }
            return isRead
        }
        #expect(try isUnknown())
        for _ in 0..<2 {
            #expect(try list() == wanted)
            #expect(try !isUnknown())
        }
        let file = try blob("packed", "adapter.gguf")
        let whole = try Data(contentsOf: file)
        try FileManager.default.removeItem(at: file)
        try whole.dropLast(64).write(to: file)
        #expect(try isUnknown())
        #expect(try list().first { $0.name == "packed" }?.state == .broken)
    }

    @Test func everyShapeHasItsOwn() throws {
        _ = try list()
        var shallow = smallShape
        shallow.layers = 1
        #expect(index(shallow).url != index().url)
        #expect(try list(shallow).filter { $0.kind != .sae }.allSatisfy { $0.state == .broken })
        #expect(try list().allSatisfy { $0.state == .cold })
    }

    @Test func versionsThatAreGoneLeaveIt() throws {
        _ = try list()
        let gone = home.store.folder(try home.store.resolve(name("two"))).lastPathComponent
        #expect(try String(contentsOf: index().url, encoding: .utf8).contains(gone))
        try home.store.remove(name("two"))
        try folder.addLoRA("three", rank: 4)
        _ = try home.store.add(folder: folder.path("three"), as: name("three"))
        _ = try list()
        #expect(try !String(contentsOf: index().url, encoding: .utf8).contains(gone))
    }

    @Test func aStoreThatCannotBeWrittenToIsServed() throws {
        try Data().write(to: home.store.index)
        #expect(try list() == folder.registry().list())
    }
}
