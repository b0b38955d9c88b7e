import Foundation
import TestRandomness
import Testing

@testable import AdapterRegistry

/// Adapters in one file.
@Suite struct PackTests {
    private func sample() -> [String: Data] {
        var generator = SeededRandom(seed: 7)
        return [
            "adapter_config.json": Data(#"{"r": 2}"#.utf8), "empty": Data(), "layers.1/noise": generator.bytes(3_000_000),
            "adapter_model.safetensors": AdaptersFolder.safetensors([("a", [4, 8], 0.5), ("b", [0], 0), ("c", [1000, 1000], 0)]),
            "broken.safetensors": Data("not one".utf8),
        ]
    }

    @Test func everyFileComesBackBitForBit() throws {
        let home = try StoreFolder()
        let files = sample()
        let written = try PackWriter().write(folder: home.folder("in", files), to: home.path("x.resa").path)
        let reader = try PackReader(path: home.path("x.resa").path)
        #expect(reader.manifest == written && reader.signer == nil)
        try reader.verify()
        try reader.unpack(to: home.path("out"))
        #expect(try StoreFolder.contents(home.path("out")) == files)
        let stored = try reader.add(to: home.store, as: name("math"))
        #expect(stored.digest == written.digest)
        #expect(try StoreFolder.contents(home.store.materialise(stored)) == files)
        #expect(try home.store.verify() == [])
        #expect(try FileManager.default.contentsOfDirectory(atPath: home.url.path).sorted() == ["in", "out", "store", "x.resa"])
    }

    @Test func eachTensorIsAFrame() throws {
        let home = try StoreFolder()
        let manifest = try PackWriter().write(folder: home.folder("in", sample()), to: home.path("x.resa").path)
        let file = try #require(manifest.files.first { $0.content.path == "adapter_model.safetensors" })
        #expect(file.frames.map(\.tensor) == [nil, "a", "c"])
        #expect(file.frames.dropFirst().map(\.size) == [128, 4_000_000])
        #expect(manifest.files.first { $0.content.path == "broken.safetensors" }?.frames.count == 1)
    }

    @Test func equalFilesGiveEqualPacks() throws {
        let home = try StoreFolder()
        try PackWriter().write(folder: home.folder("in", sample()), to: home.path("a.resa").path)
        // Other times, another place, another order of making.
        for (path, data) in sample().sorted(by: { $0.key > $1.key }) { try home.folder("copy", [path: data]) }
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: 1)], ofItemAtPath: home.path("copy/empty").path)
        try PackWriter().write(folder: home.path("copy"), to: home.path("b.resa").path)
        let stored = try home.store.add(folder: home.path("copy"), as: name("math"))
        try PackWriter().write(stored, of: home.store, to: home.path("c.resa").path)
        let bytes = try Data(contentsOf: home.path("a.resa"))
        #expect(try Data(contentsOf: home.path("b.resa")) == bytes)
        #expect(try Data(contentsOf: home.path("c.resa")) == bytes)
        // Zeros shrink.
        #expect(bytes.count < 3_200_000)
    }

    @Test func memoryDoesNotGrowWithTheFiles() throws {
        let home = try StoreFolder()
        let (process, output) = try StoreProbeProcess.start([home.url.path, "memory", "\(160 << 20)"])
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        let growth = try #require(Int(text.trimmingCharacters(in: .whitespacesAndNewlines)))
        #expect(growth < 32 << 10, "grew by \(growth) KiB")
    }

    @Test func nothingIsOverwritten() throws {
        let home = try StoreFolder()
        let folder = try home.folder("in", ["x": Data("1".utf8)])
        let pack = home.path("x.resa").path
        try PackWriter().write(folder: folder, to: pack)
        #expect(throws: AdapterStorageError.exists(path: pack)) { try PackWriter().write(folder: folder, to: pack) }
        try PackWriter().write(folder: folder, to: pack, replaces: true)
        #expect(throws: AdapterStorageError.exists(path: folder.path)) { try PackReader(path: pack).unpack(to: folder) }
        try FileManager.default.createSymbolicLink(atPath: home.path("link").path, withDestinationPath: "nowhere")
        #expect(throws: AdapterStorageError.exists(path: home.path("link").path)) {
            try PackReader(path: pack).unpack(to: home.path("link"))
        }
    }

    @Test func aDamagedBlobIsNotPacked() throws {
        let home = try StoreFolder()
        let stored = try home.store.add(folder: home.folder("in", ["x": Data("good".utf8)]), as: name("math"))
        try FileManager.default.removeItem(at: home.store.blob(stored.files[0].sha256))
        try Data("evil".utf8).write(to: home.store.blob(stored.files[0].sha256))
        #expect(throws: AdapterStorageError.self) { try PackWriter().write(stored, of: home.store, to: home.path("x.resa").path) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: home.url.path).sorted() == ["in", "store"])
    }

    @Test func signaturesSayWhoPackedIt() throws {
        let home = try StoreFolder()
        let (mine, other) = (try PackSecretKey(), try PackSecretKey())
        try mine.write(to: home.path("key").path)
        #expect(throws: AdapterStorageError.exists(path: home.path("key.pub").path)) { try other.write(to: home.path("key").path) }
        let mode = try FileManager.default.attributesOfItem(atPath: home.path("key").path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        let key = try PackSecretKey(path: home.path("key").path)
        let public1 = try PackPublicKey(home.path("key.pub").path)
        #expect(public1 == mine.publicKey)
        #expect(try PackPublicKey("\(public1)") == public1)
        #expect(throws: AdapterStorageError.self) { try PackPublicKey(home.path("key").path) }
        #expect(throws: AdapterStorageError.self) { try PackSecretKey(path: home.path("key.pub").path) }

        let folder = try home.folder("in", ["x": Data("1".utf8)])
        let (signed, plain) = (home.path("signed.resa").path, home.path("plain.resa").path)
        try PackWriter(level: 3, key: key).write(folder: folder, to: signed)
        try PackWriter().write(folder: folder, to: plain)
        #expect(try PackReader(path: signed).signer == public1)
        #expect(try PackReader(path: signed, trusting: [other.publicKey, public1]).manifest == PackReader(path: plain).manifest)
        for (path, keys) in [(signed, [other.publicKey]), (plain, [public1])] {
            #expect { try PackReader(path: path, trusting: keys) } throws: {
                if case AdapterStorageError.signature = $0 { true } else { false }
            }
        }
        // Another's signature, and a signature of another pack.
        try home.folder("in", ["x": Data("2".utf8)])
        try PackWriter(level: 3, key: other).write(folder: folder, to: home.path("other.resa").path)
        var forged = try Data(contentsOf: home.path("signed.resa"))
        let theirs = try Data(contentsOf: home.path("other.resa"))
        let place = forged.count - PackSignature.size - (try PackReader(path: signed).manifest.files[0].frames[0].stored)
        forged.replaceSubrange(place..<place + PackSignature.size, with: theirs[place..<place + PackSignature.size])
        try forged.write(to: home.path("forged.resa"))
        #expect { try PackReader(path: home.path("forged.resa").path) } throws: {
            if case AdapterStorageError.signature = $0 { true } else { false }
        }
    }
}
