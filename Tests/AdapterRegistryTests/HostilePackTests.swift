import CZstd
import Digests
import Foundation
import JSONText
import Testing

@testable import AdapterRegistry

/// Packs made to harm whoever unpacks them: always a typed error, and nothing left on the disk.
@Suite struct HostilePackTests {
    /// Whatever is done to a byte, or wherever the file ends, the answer is an error or the very same files.
    @Test func everyChangedByteIsNoticed() throws {
        let home = try StoreFolder()
        let files = ["a.json": Data("{}".utf8), "layers.1/m.safetensors": AdaptersFolder.safetensors([("t", [3, 5], 0.5)])]
        let path = home.path("x.resa").path
        try PackWriter(level: 3, key: try PackSecretKey()).write(folder: home.folder("in", files), to: path)
        let good = try Data(contentsOf: home.path("x.resa"))
        let bodyBytes = try PackReader(path: path).manifest.files.reduce(0) { $0 + $1.frames.reduce(0) { $0 + $1.stored } }
        /// - Parameter mayUnpack: whether the very same files are an answer as well.
        func attempt(_ bytes: Data, mayUnpack: Bool = false, _ what: String) throws {
            let pack = home.path("bad.resa")
            try bytes.write(to: pack)
            do throws(AdapterStorageError) {
                try PackReader(path: pack.path).unpack(to: home.path("out"))
            } catch {
                return
            }
            #expect(mayUnpack, "\(what) was not noticed")
            #expect(try StoreFolder.contents(home.path("out")) == files)
            try FileManager.default.removeItem(at: home.path("out"))
        }
        for index in good.indices {
            for mask: UInt8 in [0x01, 0x80, 0xFF] {
                var bytes = good
                bytes[index] ^= mask
                // Frames have bits that mean nothing.
                try attempt(bytes, mayUnpack: index >= good.count - bodyBytes, "byte \(index) ^ \(mask)")
            }
        }
        for count in 0..<good.count { try attempt(good.prefix(count), "the end at \(count)") }
        for tail in [Data([0]), good] { try attempt(good + tail, "\(tail.count) bytes more") }
        #expect(try FileManager.default.contentsOfDirectory(atPath: home.url.path).sorted() == ["bad.resa", "in", "x.resa"])
    }

    private func frame(_ data: Data) -> Data {
        var out = [UInt8](repeating: 0, count: ZSTD_compressBound(data.count))
        let count = data.withUnsafeBytes { ZSTD_compress(&out, out.count, $0.baseAddress, data.count, 3) }
        return Data(out.prefix(count))
    }

    /// A pack with any manifest and body; its own hashes and sizes are right, so only the manifest's words can be at fault.
    private func pack(_ manifest: String, body: Data) throws -> Data {
        let text = Array(manifest.utf8)
        return Data(PackHeader(isSigned: false, manifest: text, bodyBytes: body.count).bytes + text) + body
    }

    private func entry(_ path: String, _ data: Data, size: Int? = nil, frames: [(size: Int, offset: Int, stored: Int)]) -> String {
        let sha256 = HexText.of(SHA256.of(data))
        let list = frames.map { #"{"size":\#($0.size),"offset":\#($0.offset),"stored":\#($0.stored)}"# }.joined(separator: ",")
        return "{\"path\":\(JSONWriter.text(.string(path))),\"size\":\(size ?? data.count),\"sha256\":\"\(sha256)\",\"frames\":[\(list)]}"
    }

    private func error(_ home: StoreFolder, _ bytes: Data, limits: PackLimits = PackLimits()) throws -> AdapterStorageError? {
        try bytes.write(to: home.path("bad.resa"))
        do throws(AdapterStorageError) {
            try PackReader(path: home.path("bad.resa").path, limits: limits).unpack(to: home.path("out"))
        } catch {
            #expect(try FileManager.default.contentsOfDirectory(atPath: home.url.path) == ["bad.resa"])
            return error
        }
        return nil
    }

    @Test(arguments: [
        "../x", "/x", "a/../../x", "./x", "a//b", "a/", "", ".", "..", "a\u{0}b", "a\\b", "a\nb", "../\u{301}x", "/\u{301}x",
        "a/\u{301}/../x",
        "a\\\u{301}b", "a\u{85}b", String(repeating: "a", count: 256),
        String(repeating: "a/", count: 8) + "b", String(repeating: "abcdefg/", count: 7) + String(repeating: "x", count: 1000),
    ])
    func namesThatLeaveTheFolderAreRefused(_ path: String) throws {
        let home = try StoreFolder()
        let body = frame(Data("1".utf8))
        let text = "{\"files\":[\(entry(path, Data("1".utf8), frames: [(1, 0, body.count)]))]}"
        guard case .badPath? = try error(home, pack(text, body: body)) else { Issue.record("accepted '\(path)'"); return }
    }

    @Test(arguments: [
        ["a", "a"], ["A", "a"], ["a", "a/b"], ["a", "a/\u{301}b"], ["A/x", "a/y"], ["e\u{301}", "\u{e9}"], ["ﬁ", "fi"],
    ])
    func namesThatCollideAreRefused(_ paths: [String]) throws {
        let home = try StoreFolder()
        let body = frame(Data("1".utf8))
        let entries = paths.enumerated().map { entry($1, Data("1".utf8), frames: [(1, $0 * body.count, body.count)]) }
        guard case .badPath? = try error(home, pack("{\"files\":[\(entries.joined(separator: ","))]}", body: body + body)) else {
            Issue.record("accepted \(paths)")
            return
        }
    }

    @Test func framesMustFillTheBodyExactly() throws {
        let home = try StoreFolder()
        let data = Data("12".utf8)
        let (one, two) = (frame(Data("1".utf8)), frame(Data("2".utf8)))
        let body = one + two
        let right = [(1, 0, one.count), (1, one.count, two.count)]
        #expect(try error(home, pack("{\"files\":[\(entry("x", data, frames: right))]}", body: body)) == nil)
        try FileManager.default.removeItem(at: home.path("out"))
        let wrong: [[(Int, Int, Int)]] = [
            [(1, 0, one.count), (1, 0, one.count)],  // Overlapping.
            [(1, 0, one.count), (1, one.count - 1, two.count + 1)],
            [(1, one.count, two.count), (1, 0, one.count)],  // Out of order.
            [(1, 0, one.count), (1, one.count + 1, two.count)],  // A hole, and beyond the end.
            [(1, 0, one.count), (1, one.count, two.count + 1)],
            [(1, 0, one.count)],  // Bytes nobody asked for.
            [(2, 0, body.count)],  // Two frames as one.
            [(1, 0, one.count), (1, one.count, Int.max)], [(1, 0, one.count), (1, Int.max, 1)], [(1, 0, one.count), (1, -1, two.count)],
            [(1, 0, one.count), (0, one.count, two.count)], [(1, 0, one.count), (2, one.count, two.count)], [(Int.max, 0, body.count)],
            [(3, 0, one.count), (-1, one.count, two.count)], [],
        ]
        for frames in wrong {
            let error = try error(home, pack("{\"files\":[\(entry("x", data, frames: frames))]}", body: body))
            switch error {
            case .malformed?, .damaged?: break
            default: Issue.record("\(frames): \(String(describing: error))")
            }
        }
    }

    @Test func framesThatHoldMoreOrLessThanTheySayAreRefused() throws {
        let home = try StoreFolder()
        let zeros = Data(count: 5_000_000)
        let body = frame(zeros)
        for size in [1, 4_999_999, 5_000_001] {
            let text = "{\"files\":[\(entry("x", zeros.prefix(size), size: size, frames: [(size, 0, body.count)]))]}"
            guard case .damaged? = try error(home, pack(text, body: body)) else { Issue.record("accepted \(size)"); return }
        }
        // Skippable frames, raw bytes, frames without a size.
        let skippable = Data([0x50, 0x2A, 0x4D, 0x18, 1, 0, 0, 0, 0])
        let unsized = Data([0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x00, 0x09, 0x00, 0x00, 0x31])
        for body in [skippable, Data("raw".utf8), unsized, Data([0x28])] {
            let text = "{\"files\":[\(entry("x", Data("1".utf8), frames: [(1, 0, body.count)]))]}"
            guard case .damaged? = try error(home, pack(text, body: body)) else { Issue.record("accepted \(Array(body))"); return }
        }
    }

    @Test func windowsBeyondTheLimitAreRefused() throws {
        let home = try StoreFolder()
        let data = Data(count: 20_000_000)
        for (windowLog, isRead) in [(FrameDecompressor.windowLog, true), (FrameDecompressor.windowLog + 1, false)] {
            let context = ZSTD_createCCtx()
            defer { ZSTD_freeCCtx(context) }
            ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, Int32(windowLog))
            var out = [UInt8](repeating: 0, count: ZSTD_compressBound(data.count))
            let count = data.withUnsafeBytes { ZSTD_compress2(context, &out, out.count, $0.baseAddress, data.count) }
            let text = "{\"files\":[\(entry("x", data, frames: [(data.count, 0, count)]))]}"
            let error = try error(home, pack(text, body: Data(out.prefix(count))))
            if case .damaged? = error { #expect(!isRead) } else { #expect(isRead && error == nil) }
            try? FileManager.default.removeItem(at: home.path("out"))
        }
    }

    @Test func bombsAreRefusedBeforeTheyGoOff() throws {
        let home = try StoreFolder()
        let zeros = Data(count: 5_000_000)
        let body = frame(zeros)
        let text = "{\"files\":[\(entry("x", zeros, frames: [(zeros.count, 0, body.count)]))]}"
        var limits = PackLimits()
        limits.freeBytes = 1_000_000
        let allowed = 1_000_000 + 100 * body.count
        #expect(
            try error(home, pack(text, body: body), limits: limits)
                == .overLimit(
                    file: home.path("bad.resa").path, what: "the size of its files beside \(body.count) compressed bytes", got: 5_000_000,
                    limit: allowed))
        limits = PackLimits()
        limits.totalBytes = 4_999_999
        guard case .overLimit? = try error(home, pack(text, body: body), limits: limits) else { Issue.record("accepted"); return }
        limits = PackLimits()
        limits.files = 0
        guard case .overLimit? = try error(home, pack(text, body: body), limits: limits) else { Issue.record("accepted"); return }
        limits = PackLimits()
        limits.manifestBytes = 100
        guard case .overLimit? = try error(home, pack(text, body: body), limits: limits) else { Issue.record("accepted"); return }
        #expect(try error(home, pack(text, body: body)) == nil)
    }

    @Test(arguments: [
        "", "{", "[]", "{}", #"{"files":{}}"#, #"{"files":[]}"#, #"{"files":[1]}"#, #"{"files":[{"path":1}]}"#,
        #"{"files":[],"files":[]}"#, String(repeating: "[", count: 100_000),
    ])
    func manifestsThatAreNoneAreRefused(_ text: String) throws {
        guard case .malformed? = try error(try StoreFolder(), pack(text, body: Data())) else { Issue.record("accepted"); return }
    }

    @Test func onlyTheCanonicalManifestIsRead() throws {
        let home = try StoreFolder()
        let data = Data("1".utf8)
        let body = frame(data)
        let (a, b) = (entry("a", data, frames: [(1, 0, body.count)]), entry("b", data, frames: [(1, body.count, body.count)]))
        for text in ["{\"files\":[\(a), \(b)]}", "{\"more\":1,\"files\":[\(a),\(b)]}", " {\"files\":[\(a),\(b)]}"] {
            guard case .malformed? = try error(home, pack(text, body: body + body)) else { Issue.record("accepted \(text)"); return }
        }
        #expect(try error(home, pack("{\"files\":[\(a),\(b)]}", body: body + body)) == nil)
    }
}
