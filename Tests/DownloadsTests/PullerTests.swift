import Checkpoints
import Foundation
import Testing

@testable import Downloads

@Suite struct PullerTests {
    @Test func redirectsNeverLeaveTLS() throws {
        var answer = HTTPHead(address: try WebAddress("https://hub.example/a/b"))
        answer.add(line: "HTTP/1.1 302 Found")
        answer.add(line: "Location: ../c d?x=1")
        #expect(try HTTPClient.next(answer, file: "f").text == "https://hub.example/c%20d?x=1")
        answer.add(line: "Location: http://hub.example/c")
        #expect { try HTTPClient.next(answer, file: "f") } throws: { error in
            guard case .badRedirect(let file, _, let reason)? = (error as? AttemptFailure)?.error else { return false }
            return file == "f" && reason.contains("from https to http")
        }
        answer.add(line: "HTTP/1.1 302 Found")
        #expect(throws: AttemptFailure.self) { try HTTPClient.next(answer, file: "f") }
    }

    /// A server that never answers, and a task that is no longer wanted.
    @Test func cancelling() async throws {
        let listener = try Listener()
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("resa-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let puller = Puller(hub: HubEnvironment(endpoint: try WebAddress("http://127.0.0.1:\(listener.port)")))
        let source = try PullSource("hf:org/repo")
        let pull = Task { try await puller.pull(source, into: folder, selection: FileSelection(.adapter)) }
        while !listener.takeConnection(keeping: true) { try await Task.sleep(for: .milliseconds(5)) }
        pull.cancel()
        await #expect(throws: PullError.cancelled) { try await pull.value }
        // The folder is free again.
        _ = try FileLock(folder: folder.path)
    }

    @Test func aFolderOfThisMachine() async throws {
        let root = FileManager.default.temporaryDirectory.appendingPathComponent("resa-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: root) }
        let from = root.appendingPathComponent("from")
        try FileManager.default.createDirectory(at: from, withIntermediateDirectories: true)
        try Data("abc".utf8).write(to: from.appendingPathComponent("x.safetensors"))
        let into = root.appendingPathComponent("into")
        let puller = Puller(hub: HubEnvironment(endpoint: try WebAddress("http://127.0.0.1:1"), isOffline: true))
        let pulled = try await puller.pull(try PullSource("file:\(from.path)"), into: into, selection: FileSelection(.adapter))
        #expect(
            pulled.files == [
                .init(path: "x.safetensors", bytes: 3, sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
            ])
        #expect(PulledFiles.record(in: into)?.files == pulled.files && pulled.isPresent(in: into))
        await #expect(throws: PullError.offline(source: "hf:org/repo")) {
            try await puller.pull(try PullSource("hf:org/repo"), into: into, selection: FileSelection(.adapter))
        }
    }
}
