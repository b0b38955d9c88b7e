import Foundation
import TestRandomness
import Testing

@testable import AdapterRegistry

/// Writers that are killed, and writers at once: `StoreProbe` does the writing in processes of its own.
@Suite(.serialized) struct KilledWriterTests {
    private func probe(_ home: StoreFolder, seed: UInt64, rounds: Int? = nil) throws -> (process: Process, output: Pipe) {
        try StoreProbeProcess.start([home.url.path, "\(seed)"] + (rounds.map { ["\($0)"] } ?? []))
    }

    /// Every adapter that is listed is whole: all bytes are there, and all are of one version.
    private func checkEveryAdapter(_ store: AdapterStore) throws {
        for adapter in try store.list() {
            let manifest = try adapter.content.get()
            let files = try StoreFolder.contents(store.materialise(manifest))
            #expect(Set(files.keys) == ["mark", "twin", "layers.1/body"])
            #expect(files["mark"] == Data("\(adapter.reference)".utf8))
            #expect(files["twin"] == files["layers.1/body"].map { $0 + [0] })
        }
        #expect(try store.verify() == [])
    }

    @Test func aHundredKillsLeaveTheStoreValid() throws {
        let home = try StoreFolder()
        let seed = SeededRandom.seed()
        var generator = SeededRandom(seed: seed)
        var adapters = 0
        for _ in 0..<100 {
            let (process, output) = try probe(home, seed: generator.next() % 1_000_000)
            // It has begun; now any moment will do.
            #expect(output.fileHandleForReading.availableData == Data("begun\n".utf8))
            usleep(UInt32.random(in: 0...60_000, using: &generator))
            let wasRunning = process.isRunning
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            #expect(wasRunning && process.terminationReason == .uncaughtSignal, "the probe ended by itself")
            try checkEveryAdapter(home.store)
            adapters += try home.store.list().count
        }
        #expect(adapters > 0)
        // What the killed ones left is found and removed, and nothing that is named.
        let before = try home.store.list().map(\.content)
        _ = try home.store.sweep()
        try checkEveryAdapter(home.store)
        #expect(try home.store.list().map { try $0.content.get() } == before.map { try $0.get() })
        let named = Set(try home.store.list().flatMap { try $0.content.get().files.map { AdapterStore.blobPrefix + $0.sha256 } })
        #expect(Set(try FileManager.default.contentsOfDirectory(atPath: home.store.blobs.path)) == named)
        #expect(try FileManager.default.contentsOfDirectory(atPath: home.store.partial.path) == [])
    }

    @Test func severalProcessesShareAStore() throws {
        let home = try StoreFolder()
        let seed = SeededRandom.seed()
        let probes = try (0..<3).map { try probe(home, seed: seed + UInt64($0), rounds: 60) }
        // A reader beside them never meets half an adapter.
        while probes.contains(where: { $0.process.isRunning }) {
            for adapter in try home.store.list() { _ = try adapter.content.get() }
            #expect(try home.store.verify() == [])
        }
        for (process, _) in probes {
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
        }
        try checkEveryAdapter(home.store)
        _ = try home.store.sweep()
        try checkEveryAdapter(home.store)
    }
}
