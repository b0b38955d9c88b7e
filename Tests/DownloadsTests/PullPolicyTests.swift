import Foundation
import Testing

@testable import Downloads

@Suite struct PullPolicyTests {
    @Test(arguments: [
        "0.0.0.0", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254", "169.254.169.254",
        "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.7",
        "203.0.113.9", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::10.0.0.1",
        "64:ff9b:1::8.8.8.8", "100::1", "2001::1", "2001:1ff::1", "2001:db8::1", "2002:7f00:1::", "2002:c0a8:101::1", "3fff:fff::1",
        "fc00::1",
        "fdff::1", "fe80::1", "febf::1", "fec0::1", "ff02::1", "5f00::1", "4000::1",
    ])
    func notPublic(text: String) throws {
        #expect(try !#require(NetworkAddress(text)).isPublic)
    }

    @Test(arguments: [
        "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255",
        "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255",
        "2606:4700::1111", "2001:200::1", "2001:4860:4860::8888", "3ffe::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1",
    ])
    func isPublic(text: String) throws {
        #expect(try #require(NetworkAddress(text)).isPublic)
    }

    @Test func socketAddresses() throws {
        var four = sockaddr_in()
        four.sin_family = sa_family_t(AF_INET)
        inet_pton(AF_INET, "192.168.0.1", &four.sin_addr)
        let size = MemoryLayout<sockaddr_in>.size
        let read = withUnsafePointer(to: four) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { NetworkAddress($0, length: size) } }
        #expect(read == NetworkAddress("192.168.0.1") && read?.description == "192.168.0.1")
        var local = sockaddr()
        local.sa_family = sa_family_t(AF_UNIX)
        #expect(NetworkAddress(&local, length: MemoryLayout<sockaddr>.size) == nil)
    }

    @Test func hosts() throws {
        let policy = PullPolicy.hosts(["hub.example", "*.cdn.example"])
        for allowed in ["https://hub.example/x", "https://HUB.example.:444/x", "https://a.cdn.example/x", "https://a.b.cdn.example/x"] {
            try policy.check(try WebAddress(allowed))
        }
        for refused in [
            "http://hub.example/x", "https://cdn.example/x", "https://evilcdn.example/x", "https://hub.example.evil/x",
            "https://x.hub.example/x", "https://127.0.0.1/x", "https://[::1]/x",
        ] {
            #expect(throws: PullError.self, "\(refused)") { try policy.check(try WebAddress(refused)) }
        }
        try policy.check(try PullSource("hf:org/repo"))
        #expect(throws: PullError.self) { try policy.check(try PullSource("file:/etc/passwd")) }
        for source in ["hf:org/repo", "https://hub.example/x", "file:x"] {
            #expect(throws: PullError.self) { try PullPolicy.off.check(try PullSource(source)) }
            try PullPolicy.unrestricted.check(try PullSource(source))
        }
    }

    /// An exact server may be http and private; the same host elsewhere may not.
    @Test func origins() throws {
        let policy = PullPolicy.hosts(
            ["hub.example"],
            origins: [try WebAddress("http://10.0.0.5:8080"), try WebAddress("https://Hub.corp"), try WebAddress("http://[::1]:9")])
        for allowed in [
            "http://10.0.0.5:8080/x?y", "https://hub.corp/x", "https://hub.corp:443/x", "https://hub.corp./x", "http://[::1]:9/",
            "https://hub.example/x",
        ] {
            let address = try WebAddress(allowed)
            try policy.check(address)
            #expect(policy.onlyPublicAddresses(for: address) == (address.host == "hub.example"), "\(allowed)")
        }
        for refused in [
            "http://10.0.0.5/x", "https://10.0.0.5:8080/x", "http://10.0.0.5:8081/x", "http://10.0.0.6:8080/x", "http://hub.corp/x",
            "https://hub.corp:8443/x", "https://x.hub.corp/x", "http://hub.example/x", "https://[::1]:9/",
        ] {
            let address = try WebAddress(refused)
            #expect(throws: PullError.self, "\(refused)") { try policy.check(address) }
            #expect(policy.onlyPublicAddresses(for: address), "\(refused)")
        }
        let forms = ["http://a", "http://a/", "http://a:1", "http://a/x", "http://a?x", "http://a/?x"].map { try? WebAddress($0).isOrigin }
        #expect(forms == [true, true, true, false, false, false])
    }

    /// A name on the list that resolves to this machine: nobody is even connected to.
    @Test func namesThatResolveToThisMachine() async throws {
        let listener = try Listener()
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("resa-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        for host in ["localhost", "127.0.0.1", "[::ffff:127.0.0.1]"] {
            var settings = PullSettings()
            settings.retries = 0
            settings.connectSeconds = 5
            settings.policy = .hosts(
                ["localhost", "127.0.0.1", "[::ffff:127.0.0.1]"], origins: [try WebAddress("http://\(host):\(listener.port)")])
            let puller = Puller(hub: HubEnvironment(endpoint: try WebAddress("https://hub.example")), settings: settings)
            let source = try PullSource("https://\(host):\(listener.port)/file")
            do {
                _ = try await puller.pull(source, into: folder, selection: FileSelection(.adapter))
                Issue.record("it was pulled")
            } catch {
                guard case .forbidden(_, let reason) = error else {
                    Issue.record("\(error)")
                    continue
                }
                #expect(reason.contains("no public address"))
            }
            #expect(listener.takeConnection() == false)
            // The same without the policy does connect, so that the test can fail.
            var free = puller
            free.settings.policy = .unrestricted
            free.settings.stallSeconds = 1
            free.settings.connectSeconds = 0.2
            _ = try? await free.pull(source, into: folder, selection: FileSelection(.adapter))
            #expect(listener.takeConnection() == true)
        }
    }
}
