import Downloads
import Foundation
import Testing

/// Where a pull goes, and what is made of what is there.
@Suite struct PullDestinationTests {
    @Test func pulledTwiceAndMovedIntoPlace() async throws {
        let files = FileManager.default
        let root = files.temporaryDirectory.appendingPathComponent("resa-pull-\(UUID().uuidString)").standardizedFileURL
        defer { try? files.removeItem(at: root) }
        let source = root.appendingPathComponent("source")
        try files.createDirectory(at: source, withIntermediateDirectories: true)
        try Data("{}".utf8).write(to: source.appendingPathComponent("adapter_config.json"))
        let parent = root.appendingPathComponent("parent")
        let destination = try PullDestination(parent: parent, name: "mine")
        let puller = Puller(hub: HubEnvironment(endpoint: try WebAddress("https://hub.invalid")))
        func pull() async throws -> PulledFiles {
            try await destination.pull(
                try PullSource("file:\(source.path)"), with: puller, selection: FileSelection(.adapter), sha256: nil
            ) { _ in }
        }
        #expect(destination.earlier == nil)
        let first = try await pull()
        #expect(first.files.map(\.path) == ["adapter_config.json"] && destination.earlier?.files == first.files)
        #expect(try files.contentsOfDirectory(atPath: parent.path) == ["mine"])
        #expect(destination.usablePath(first) == parent.path + "/mine/adapter_config.json")
        // Again, with other files: nothing of the first stays.
        try Data("[]".utf8).write(to: source.appendingPathComponent("adapter_config.json"))
        let second = try await pull()
        #expect(second.files != first.files && destination.earlier?.files == second.files)
        #expect(try Data(contentsOf: destination.folder.appendingPathComponent("adapter_config.json")) == Data("[]".utf8))
        #expect(try files.contentsOfDirectory(atPath: parent.path) == ["mine"])
        // A folder that no pull made is somebody's own.
        try files.removeItem(at: destination.folder.appendingPathComponent(PulledFiles.recordName))
        await #expect(throws: PullDestinationError.self) { try await pull() }
    }

    @Test func names() throws {
        for name in ["", ".hidden", "-option", "a/b", "a\u{0}b", String(repeating: "a", count: 201)] {
            #expect(!PullDestination.isName(name))
            #expect(throws: PullDestinationError.self) { try PullDestination(parent: URL(fileURLWithPath: "/tmp"), name: name) }
        }
        #expect(PullDestination.isName("a.b-c_d"))
    }

    @Test func placesThatAnOperatorAllows() throws {
        #expect(PullPolicy(places: []) == .off)
        #expect(
            PullPolicy(places: ["huggingface.co", "*.hf.co", "http://127.0.0.1:8000"])
                == .hosts(["huggingface.co", "*.hf.co"], origins: [try WebAddress("http://127.0.0.1:8000")]))
        for place in ["", "a/b", "host:80", "ftp://host", "https://host/path"] { #expect(!PullPolicy.isPlace(place), "\(place)") }
        for place in ["host", "*.host", "https://host", "http://host:80"] { #expect(PullPolicy.isPlace(place), "\(place)") }
    }
}
