import Checkpoints
import Foundation
import Synchronization
import Tensors
import TestRandomness
import Testing

/// Files of packed bytes: whole or not there, and every flipped bit is noticed.
@Suite struct PackedCacheTests {
    private let pool = WorkerPool(threads: 2)
    /// More than one chunk, and no whole number of pages.
    private let dataBytes = (9 << 20) + 777

    private func region(_ fill: UInt8 = 1) -> MemoryRegion {
        let region = MemoryRegion(byteCount: (dataBytes + 4095) / 4096 * 4096)
        for index in 0..<dataBytes { region.bytes[index] = UInt8(truncatingIfNeeded: index &* 31 >> 3) &+ fill }
        return region
    }

    private final class Events: Sendable {
        let all = Mutex<[PackedCache.Event]>([])
    }

    private func cache(_ folder: TemporaryFolder, limit: Int? = nil, wait: Double? = nil, _ events: Events = Events()) -> PackedCache {
        var settings = PackedCache.Settings(folder: folder.url.appendingPathComponent("packed"))
        if let limit { settings.limitBytes = limit }
        if let wait { settings.waitSeconds = wait }
        return PackedCache(settings) { event in events.all.withLock { $0.append(event) } }
    }

    private func store(_ cache: PackedCache, key: String, _ region: MemoryRegion) throws {
        let writer = try #require(cache.writer(key: key, region: region, dataBytes: dataBytes))
        try writer.write(0..<5000)
        try writer.write(5000..<dataBytes)
        cache.finish(writer, key: key, note: "note é", pool: pool)
    }

    private func same(_ a: MemoryRegion, _ b: MemoryRegion) -> Bool { a.bytes.elementsEqual(b.bytes) }

    @Test func givesBackWhatWasStored() throws {
        let folder = try TemporaryFolder()
        let cache = cache(folder)
        #expect(cache.open(key: "a", byteCount: dataBytes, pool: pool) == nil)
        let region = region()
        try store(cache, key: "a", region)
        let content = try #require(cache.open(key: "a", byteCount: dataBytes, pool: pool))
        #expect(content.note == "note é")
        #expect(same(content.region, region))
        let names = try FileManager.default.contentsOfDirectory(atPath: cache.settings.folder.path)
        #expect(names == ["a.packed"])
    }

    @Test func whatKilledWritersLeftIsRemovedAndNothingElse() throws {
        let folder = try TemporaryFolder()
        let cache = cache(folder)
        try store(cache, key: "kept", region())
        let writer = try #require(cache.writer(key: "a", region: region(), dataBytes: dataBytes))
        let place = cache.settings.folder
        func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: place.path).sorted() }
        let underWay = try #require(try names().first { $0.hasPrefix("a.packed.") })
        for name in ["b.packed.X.partial", "c.packed.Y.partial"] { try Data("half".utf8).write(to: place.appendingPathComponent(name)) }
        // Older than a writer takes from making its file to locking it.
        for name in [underWay, "b.packed.X.partial"] {
            let hourAgo = Date(timeIntervalSinceNow: -3600)
            try FileManager.default.setAttributes([.modificationDate: hourAgo], ofItemAtPath: place.appendingPathComponent(name).path)
        }
        cache.removeUnfinished()
        #expect(try names() == [underWay, "c.packed.Y.partial", "kept.packed"])
        withExtendedLifetime(writer) {}
    }

    @Test func anyFlippedBitIsNoticed() throws {
        var random = SeededRandom()
        let folder = try TemporaryFolder()
        let events = Events()
        let cache = cache(folder, events)
        try store(cache, key: "a", region())
        let path = cache.path(key: "a")
        let size = try #require(FileStamp(path: path)).size
        let handle = try #require(FileHandle(forUpdatingAtPath: path))
        // Header: magic, version, sizes, zeros, checksum. Data: first, chunk border, last, padding. Index: first, key, last.
        let dataEnd = 4096 + (dataBytes + 4095) / 4096 * 4096
        let places =
            [0, 8, 16, 24, 32, 40, 2000, 4088, 4095, 4096, 4096 + (4 << 20) - 1, 4096 + (4 << 20), 4096 + dataBytes - 1, 4096 + dataBytes]
            + [dataEnd, dataEnd + 24, size - 1] + (0..<8).map { _ in Int.random(in: 0..<size, using: &random) }
        for place in places {
            let bit = UInt8(1) << UInt8.random(in: 0..<8, using: &random)
            func flip() throws {
                try handle.seek(toOffset: UInt64(place))
                let byte = try #require(try handle.read(upToCount: 1)?.first)
                try handle.seek(toOffset: UInt64(place))
                try handle.write(contentsOf: [byte ^ bit])
            }
            try flip()
            #expect(cache.open(key: "a", byteCount: dataBytes, pool: pool) == nil, "bit \(bit) of byte \(place) of \(size)")
            try flip()
        }
        #expect(events.all.withLock { $0 }.count == 1 + places.count)
        #expect(cache.open(key: "a", byteCount: dataBytes, pool: pool) != nil)
    }

    @Test func refusesWhatIsCutShortOrNotIts() throws {
        let folder = try TemporaryFolder()
        let cache = cache(folder)
        try store(cache, key: "a", region())
        let whole = try Data(contentsOf: URL(fileURLWithPath: cache.path(key: "a")))
        for count in [0, 1, 4095, 4096, 5000, whole.count - 1] {
            try whole.prefix(count).write(to: URL(fileURLWithPath: cache.path(key: "a")))
            #expect(cache.open(key: "a", byteCount: dataBytes, pool: pool) == nil, "\(count) bytes")
        }
        try (whole + [0]).write(to: URL(fileURLWithPath: cache.path(key: "a")))
        #expect(cache.open(key: "a", byteCount: dataBytes, pool: pool) == nil)
        // Another model's file under this name, and another size.
        try whole.write(to: URL(fileURLWithPath: cache.path(key: "b")))
        #expect(throws: PackedFile.Refusal.otherKey("a")) {
            _ = try PackedFile.read(path: cache.path(key: "b"), key: "b", byteCount: dataBytes, pool: pool)
        }
        #expect(throws: PackedFile.Refusal.otherSize(got: dataBytes, wanted: 5)) {
            _ = try PackedFile.read(path: cache.path(key: "b"), key: "a", byteCount: 5, pool: pool)
        }
    }

    @Test func anUnfinishedFileLeavesNothing() throws {
        let folder = try TemporaryFolder()
        let cache = cache(folder)
        do {
            let writer = try #require(cache.writer(key: "a", region: region(), dataBytes: dataBytes))
            try writer.write(0..<4096)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: cache.settings.folder.path).isEmpty)
    }

    @Test func aFolderThatCannotBeMadeIsReported() throws {
        let folder = try TemporaryFolder()
        let events = Events()
        try folder.write("a file, not a folder", to: "packed")
        let cache = cache(folder, events)
        #expect(cache.writer(key: "a", region: region(), dataBytes: dataBytes) == nil)
        #expect(cache.lock(key: "a") == nil)
        #expect(cache.open(key: "a", byteCount: dataBytes, pool: pool) == nil)
        guard case .notStored = try #require(events.all.withLock { $0 }.first) else {
            Issue.record("not told")
            return
        }
    }

    @Test func theOldestGoFirst() throws {
        let folder = try TemporaryFolder()
        let events = Events()
        let cache = cache(folder, limit: 25 << 20, events)
        for key in ["a", "b"] { try store(cache, key: key, region()) }
        for (key, seconds) in [("a", 1000), ("b", 2000)] {
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSince1970: Double(seconds))], ofItemAtPath: cache.path(key: key))
        }
        // Use makes "a" the younger one.
        #expect(cache.open(key: "a", byteCount: dataBytes, pool: pool) != nil)
        try store(cache, key: "c", region())
        #expect(try Set(FileManager.default.contentsOfDirectory(atPath: cache.settings.folder.path)) == ["a.packed", "c.packed"])
    }

    @Test func oneProcessPacksAtATime() async throws {
        let folder = try TemporaryFolder()
        let events = Events()
        let cache = cache(folder, events)
        var first = cache.lock(key: "a")
        #expect(first?.hadToWait == false)
        #expect(cache.lock(key: "b")?.hadToWait == false)
        let impatient = self.cache(folder, wait: 0.2)
        #expect(impatient.lock(key: "a") == nil)
        let second = Task.detached { cache.lock(key: "a")?.hadToWait }
        while events.all.withLock({ $0.isEmpty }) { try await Task.sleep(for: .milliseconds(10)) }
        withExtendedLifetime(first) {}
        first = nil
        #expect(await second.value == true)
    }

    @Test func digestsFollowTheContent() throws {
        let folder = try TemporaryFolder()
        let cache = cache(folder)
        func digest(_ name: String) throws -> ContentDigest {
            try cache.digest(of: [try OpenFile(path: folder.url.appendingPathComponent(name).path)], pool: pool)
        }
        try folder.write("some weights", to: "one")
        try folder.write("some weights", to: "two")
        let one = try digest("one")
        #expect(try digest("two") == one)
        #expect(try digest("one") == one)
        // The same length, at once: times alone would not tell on a coarse clock.
        try folder.write("other weights"[...].dropLast().utf8, to: "one")
        #expect(try digest("one") != one)
    }
}
