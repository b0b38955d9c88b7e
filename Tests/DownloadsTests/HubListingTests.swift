import Foundation
import Testing

@testable import Downloads

@Suite struct HubListingTests {
    private static let commit = String(repeating: "a", count: 40)
    private static let digest = String(repeating: "b", count: 64)

    private func listing(_ siblings: String) throws -> HubListing {
        try HubListing(Array(#"{"sha": "\#(Self.commit)", "siblings": [\#(siblings)], "other": 1}"#.utf8), address: "x")
    }

    @Test func entries() throws {
        let listing = try listing(
            """
            {"rfilename": "a/b.json", "size": 12, "blobId": "\(Self.commit)"},
            {"rfilename": "big", "size": 134, "blobId": "\(Self.commit)", "lfs": {"sha256": "\(Self.digest)", "size": 9000, "pointerSize": 134}},
            {"rfilename": "unknown"}
            """)
        #expect(listing.commit == Self.commit)
        #expect(
            listing.entries == [
                .init(path: "a/b.json", size: 12, check: .gitBlob(Self.commit)),
                .init(path: "big", size: 9000, check: .sha256(Self.digest)),
                .init(path: "unknown"),
            ])
    }

    @Test(arguments: [
        #"{"rfilename": 1}"#, #"{"size": 1}"#, #"{"rfilename": "a", "size": -1}"#, #"{"rfilename": "a", "size": "1"}"#,
        #"{"rfilename": "a", "size": 1, "blobId": "../x"}"#, #"{"rfilename": "a", "lfs": {"sha256": "ABC", "size": 1}}"#, "3", "null",
    ])
    func malformed(sibling: String) {
        #expect { try listing(sibling) } throws: { error in
            if case PullError.wrongAnswer = error { true } else { false }
        }
    }

    @Test(arguments: [
        ["a", "a"], ["a", "a/b"], ["a/b/c", "a/b"], ["a/../b"], ["/a"], [""], ["a\u{7f}"], [".resa-pull.json"], ["a.part.json"],
        ["../\u{301}x"], ["/\u{301}x"], ["a\\\u{301}b"], ["a", "a/\u{301}b"],
    ])
    func clashes(paths: [String]) {
        #expect { try RemotePath.check(all: paths) } throws: { error in
            if case PullError.unsafePath = error { true } else { false }
        }
    }

    @Test func below() throws {
        let listing = try listing(
            ["layers.1/cfg.json", "layers.1/x/y", "layers.10/cfg.json"].map { #"{"rfilename": "\#($0)"}"# }.joined(separator: ","))
        func names(_ subpath: String, _ keeps: Bool) -> [String] { listing.entries(below: subpath, keepsFolder: keeps).map(\.name) }
        #expect(names("layers.1", true) == ["layers.1/cfg.json", "layers.1/x/y"])
        #expect(names("layers.1", false) == ["cfg.json", "x/y"])
        #expect(names("layers.1/x/y", false) == ["y"])
        #expect(names("layers", false) == [])
    }

    /// The SHA-1 that `git hash-object` gives for "hello\n", and SHA-256 from RFC 6234's "abc".
    @Test func digests() throws {
        var git = ContentHasher(gitBlobOf: 6)
        Array("hello\n".utf8).withUnsafeBytes { git.update($0) }
        _ = try git.finish(file: "x", check: .gitBlob("ce013625030ba8dba906f756967f9e9ca394464a"))
        var plain = ContentHasher()
        Array("abc".utf8).withUnsafeBytes { plain.update($0) }
        let wanted = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        #expect(try plain.finish(file: "x", check: .sha256(wanted)) == wanted)
        #expect(throws: PullError.wrongDigest(file: "x", algorithm: "sha256", got: wanted, wanted: "0")) {
            try plain.finish(file: "x", check: .sha256("0"))
        }
    }

    @Test func heads() throws {
        var head = HTTPHead(address: try WebAddress("http://a/"))
        for line in ["HTTP/1.1 100 Continue", "", "HTTP/1.1 206 Partial", "ETag: \"x\"", "Content-Range: bytes 5-9/10", "X:y"] {
            head.add(line: line)
        }
        #expect(head.status == 206 && head.strongTag == "\"x\"" && head.headers["x"] == "y" && !head.endsItself)
        #expect(head.contentRange?.start == 5 && head.contentRange?.whole == 10)
        head.add(line: "content-range: bytes */10")
        #expect(head.contentRange == nil)
        head.add(line: #"etag: W/"x""#)
        #expect(head.strongTag == nil && HTTPHead.plainTag("W/\"x\"") == "x")
        head.add(line: "retry-after: Thu, 01 Jan 1970 00:01:40 GMT")
        #expect(head.retryAfter(now: 30) == 70 && head.retryAfter(now: 200) == 0)
        head.add(line: "retry-after: 12")
        #expect(head.retryAfter(now: 30) == 12)
    }

    @Test func waitsGrowAndAreBounded() {
        let settings = PullSettings()
        for number in 1...100 {
            let full = settings.wait(before: number, random: 0)
            #expect(full == min(30, 0.5 * pow(2, Double(number - 1))))
            #expect(settings.wait(before: number, random: 0.999) > full * 0.49)
        }
    }

    @Test func selections() throws {
        func choose(_ purpose: FileSelection.Purpose, _ names: [String]) throws -> [String] {
            try FileSelection(purpose).choose(from: names, source: "s")
        }
        #expect(
            try choose(.adapter, ["adapter_config.json", "a.safetensors", "c/a.safetensors", "a.bin"]) == [
                "adapter_config.json", "a.safetensors",
            ])
        #expect(
            try choose(.adapter, ["layers.1/cfg.json", "layers.1/sae.safetensors", ".x/y.json"]) == [
                "layers.1/cfg.json", "layers.1/sae.safetensors",
            ])
        #expect(try choose(.model, ["config.json", "model.safetensors", "x.gguf"]) == ["config.json", "model.safetensors"])
        #expect(try choose(.model, ["config.json", "README.md", "x.gguf"]) == ["x.gguf", "README.md"])
        #expect(throws: PullError.self) { try choose(.model, ["config.json", "pytorch_model.bin"]) }
        #expect(throws: PullError.self) { try choose(.model, ["a.gguf", "b.gguf"]) }
    }
}
