import Foundation
import Testing

@testable import Downloads

@Suite struct PullSourceTests {
    @Test(arguments: [
        ("hf:org/repo", "org", "repo", "main", "", "repo"),
        ("hf://org/repo/", "org", "repo", "main", "", "repo"),
        ("hf:org/repo@v1.0/a/b.gguf", "org", "repo", "v1.0", "a/b.gguf", "b"),
        ("hf:org/repo@refs%2Fpr%2F3/layers.12.mlp", "org", "repo", "refs/pr/3", "layers.12.mlp", "repo"),
        ("hf:o_r-g/re.po/x y", "o_r-g", "re.po", "main", "x y", "x y"),
    ])
    func hub(text: String, organisation: String, repository: String, revision: String, subpath: String, name: String) throws {
        let source = try PullSource(text)
        guard case .hub(let reference) = source else {
            Issue.record("\(source)")
            return
        }
        #expect(reference.organisation == organisation && reference.repository == repository)
        #expect(reference.revision == revision && reference.subpath == subpath)
        #expect(source.name == name)
        // What is shown reads back as the same.
        #expect(try PullSource(source.description) == source)
    }

    @Test(arguments: [
        "", "org/repo", "hf:", "hf:org", "hf:org/", "hf:/repo", "hf:org/repo@", "hf:org/repo@a..b", "hf:org/repo@a b", "hf:org/repo@%zz",
        "hf:../repo", "hf:org/..", "hf:org/re?po", "hf:org/repo//x", "hf:org/repo/../x", "hf:org/repo/a\\b", "hf:org/repo/a\u{0}b",
        "hf:\(String(repeating: "a", count: 97))/repo", "http:", "https://", "https://host", "https://host/a/", "https://host/..%2Fx",
        "https://user@host/file", "https://user:password@host/file", "https://host:99999/file", "https://ho st/file", "ftp://host/file",
        "file:", "file://relative", "file:///a%00b", "file:a\u{0}b",
    ])
    func refused(text: String) {
        #expect { try PullSource(text) } throws: { error in
            guard case PullError.badSource(let shown, let reason) = error else { return false }
            return !reason.isEmpty && !shown.contains("password")
        }
    }

    @Test func web() throws {
        guard case .web(let address) = try PullSource("HTTPS://Host.Example:8443/a/b%20c.resa?key=secret#part") else {
            Issue.record("no web address")
            return
        }
        #expect(address.scheme == "https" && address.host == "host.example" && address.port == 8443)
        #expect(address.fileName == "b c.resa" && !address.shown.contains("secret") && address.text.contains("secret"))
        #expect(!address.text.contains("#"))
        #expect(try PullSource(address.text).name == "b c")
    }

    @Test func local() throws {
        #expect(try PullSource("file:a/b%20c") == .local(path: "a/b%20c"))
        #expect(try PullSource("file:///a/b%20c") == .local(path: "/a/b c"))
        #expect(try PullSource("file://localhost/a") == .local(path: "/a"))
        #expect(try PullSource("file:/models/layers.12/").name == "layers.12")
    }

    /// Resolved as RFC 3986 says, by the examples of its section 5.4.
    @Test(arguments: [
        ("g", "http://a/b/c/g"), ("/g", "http://a/g"), ("//g", "http://g/"), ("../../../g", "http://a/g"), ("?y", "http://a/b/c/d;p?y"),
        ("https://other/x", "https://other/x"),
    ])
    func redirects(location: String, wanted: String) throws {
        #expect(try WebAddress("http://a/b/c/d;p?q").resolving(location).text == wanted)
    }

    @Test func originsAreSchemeHostAndPort() throws {
        let origin = try WebAddress("https://hub.example/x")
        #expect(origin.hasSameOrigin(as: try WebAddress("https://HUB.example.:443/y")))
        for other in ["http://hub.example/x", "https://hub.example:444/x", "https://cdn.hub.example/x", "https://hub.example.evil/x"] {
            #expect(!origin.hasSameOrigin(as: try WebAddress(other)), "\(other)")
        }
    }

    @Test func environment() throws {
        let plain = try HubEnvironment.read(["HF_HOME": "/nowhere"])
        #expect(plain.endpoint.host == "huggingface.co" && plain.token == nil && !plain.isOffline)
        let set = try HubEnvironment.read(["HF_ENDPOINT": "http://127.0.0.1:9/hub/", "HF_TOKEN": " abc\n", "HF_HUB_OFFLINE": "yes"])
        #expect(set.token == "abc" && set.isOffline)
        let reference = try HubReference("org/repo@refs%2Fpr%2F1", shownAs: "")
        #expect(try set.listing(of: reference).text == "http://127.0.0.1:9/hub/api/models/org/repo/revision/refs%2Fpr%2F1?blobs=true")
        #expect(try set.file("a b/c+d#e", of: reference, commit: "0f").text == "http://127.0.0.1:9/hub/org/repo/resolve/0f/a%20b/c%2Bd%23e")
        #expect(throws: PullError.self) { try HubEnvironment.read(["HF_TOKEN": "a\r\nX-Evil: 1"]) }
        #expect(throws: PullError.self) { try HubEnvironment.read(["HF_ENDPOINT": "ftp://x"]) }
        #expect(try HubEnvironment.read(["HF_TOKEN": "a", "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"]).token == nil)
    }
}
