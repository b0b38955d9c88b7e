import AdapterRegistry
import Foundation

/// Adds, removes, packs, unpacks and sweeps in one store, over and over, for a test that kills it or runs several at once.
///
///     StoreProbe HOME SEED [ROUNDS]
///     StoreProbe HOME memory BYTES
///
/// The second form packs, verifies, unpacks and stores one file of so many bytes and prints by how many KiB its peak memory grew.
/// Prints a line when it begins. Without ROUNDS it ends only by being killed. Each version holds `mark` with the name it is added under, and
/// `twin`, which is `layers.1/body` and one zero byte: a reader can tell a mixture of versions. An error ends it with 1, and says which.
@main
struct StoreProbe {
    static let names = ["one", "two", "two:next", "three"]

    static func main() {
        let arguments = CommandLine.arguments
        if arguments.count == 4, arguments[2] == "memory", let bytes = Int(arguments[3]) {
            do { return print(try MemoryProbe.growth(home: URL(fileURLWithPath: arguments[1]), bytes: bytes)) } catch {
                FileHandle.standardError.write(Data("StoreProbe: \(error)\n".utf8))
                exit(1)
            }
        }
        guard arguments.count >= 3, let seed = UInt64(arguments[2]) else {
            FileHandle.standardError.write(Data("usage: StoreProbe HOME SEED [ROUNDS]\n".utf8))
            exit(64)
        }
        do {
            try run(home: URL(fileURLWithPath: arguments[1]), seed: seed, rounds: arguments.count > 3 ? Int(arguments[3]) ?? 1 : .max)
        } catch {
            FileHandle.standardError.write(Data("StoreProbe: \(error)\n".utf8))
            exit(1)
        }
    }

    private static func run(home: URL, seed: UInt64, rounds: Int) throws {
        let store = AdapterStore(root: home.appendingPathComponent("store"))
        let scratch = home.appendingPathComponent("scratch-\(seed)")
        try? FileManager.default.removeItem(at: scratch)
        try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
        var random = Random(state: seed)
        FileHandle.standardOutput.write(Data("begun\n".utf8))
        for round in 0..<rounds {
            let name = names[Int(random.next() % UInt64(names.count))]
            let reference = try AdapterReference(name)
            switch random.next() % 8 {
            case 0: try ignoringUnknown { () throws(AdapterStorageError) in try store.remove(reference) }
            case 1: try ignoringBusy { () throws(AdapterStorageError) in _ = try store.sweep() }
            case 2:
                let pack = scratch.appendingPathComponent("\(round).resa")
                let folder = try makeFolder(scratch, name: name, random: &random)
                _ = try PackWriter().write(folder: folder, to: pack.path)
                _ = try PackReader(path: pack.path).add(to: store, as: reference)
                try FileManager.default.removeItem(at: pack)
            default: _ = try store.add(folder: makeFolder(scratch, name: name, random: &random), as: reference)
            }
        }
    }

    /// A folder whose bytes depend on few choices, so that versions share blobs.
    private static func makeFolder(_ scratch: URL, name: String, random: inout Random) throws -> URL {
        let folder = scratch.appendingPathComponent("folder")
        try? FileManager.default.removeItem(at: folder)
        try FileManager.default.createDirectory(at: folder.appendingPathComponent("layers.1"), withIntermediateDirectories: true)
        try Data(name.utf8).write(to: folder.appendingPathComponent("mark"))
        let body = Data((0..<Int(random.next() % 5) * 60_000 + 1).map { UInt8(truncatingIfNeeded: $0 &* 31) })
        try body.write(to: folder.appendingPathComponent("layers.1/body"))
        try (body + [0]).write(to: folder.appendingPathComponent("twin"))
        return folder
    }

    private static func ignoringUnknown(_ work: () throws(AdapterStorageError) -> Void) throws {
        do throws(AdapterStorageError) { try work() } catch .unknown {}
    }

    private static func ignoringBusy(_ work: () throws(AdapterStorageError) -> Void) throws {
        do throws(AdapterStorageError) { try work() } catch .busy {}
    }
}

/// SplitMix64.
struct Random {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
