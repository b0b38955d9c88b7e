import AdapterRegistry
import Foundation

/// What a large file costs in memory: nothing that depends on its size.
enum MemoryProbe {
    /// - Returns: KiB by which the largest resident set of this process grew.
    static func growth(home: URL, bytes: Int) throws -> Int {
        let (folder, pack) = (home.appendingPathComponent("large"), home.appendingPathComponent("large.resa").path)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let path = folder.appendingPathComponent("body").path
        guard FileManager.default.createFile(atPath: path, contents: nil), let file = FileHandle(forWritingAtPath: path) else {
            throw CocoaError(.fileWriteUnknown)
        }
        var random = Random(state: 1)
        let noise = Data((0..<1 << 16).map { _ in UInt8(truncatingIfNeeded: random.next()) })
        for _ in 0..<bytes / noise.count { try file.write(contentsOf: noise) }
        try file.close()

        let store = AdapterStore(root: home.appendingPathComponent("store"))
        var limits = PackLimits()
        limits.ratio = 1_000_000
        // What does not depend on the size, the code itself among it, is paid before.
        let small = home.appendingPathComponent("small")
        try FileManager.default.createDirectory(at: small, withIntermediateDirectories: true)
        try noise.write(to: small.appendingPathComponent("body"))
        try work(small, pack: pack, out: home.appendingPathComponent("small-out"), store: store, limits: limits)
        let before = try peak()
        try work(folder, pack: pack, out: home.appendingPathComponent("large-out"), store: store, limits: limits)
        return try peak() - before
    }

    private static func work(_ folder: URL, pack: String, out: URL, store: AdapterStore, limits: PackLimits) throws {
        try PackWriter().write(folder: folder, to: pack, replaces: true)
        let reader = try PackReader(path: pack, limits: limits)
        try reader.verify()
        try reader.unpack(to: out)
        let stored = try reader.add(to: store, as: AdapterReference("large"))
        try PackWriter().write(stored, of: store, to: pack, replaces: true)
        guard try store.verify().isEmpty else { throw CocoaError(.fileReadCorruptFile) }
    }

    private static func peak() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
            let number = line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap({ Int($0) })
        else { throw CocoaError(.fileReadCorruptFile) }
        return number
    }
}
