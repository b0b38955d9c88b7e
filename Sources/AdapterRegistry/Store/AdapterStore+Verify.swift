import Foundation

extension AdapterStore {
    /// What is wrong with one adapter of the store.
    package struct Problem: Sendable, Equatable {
        package let reference: AdapterReference
        package let error: AdapterStorageError
    }

    /// Reads every blob that `references` (nil: all adapters) name and compares it with its digest; folders that lost their links are made
    /// anew. No sweep runs meanwhile.
    /// - Parameter progress: hears the fraction of bytes done.
    /// - Throws: `.unknown`, `.busy` or `.system`; what is wrong with adapters is returned.
    package func verify(
        _ references: [AdapterReference]? = nil, progress: (Double) -> Void = { _ in }
    ) throws(AdapterStorageError) -> [Problem] {
        guard access(root.path, F_OK) == 0 else {
            if let reference = references?.first { throw unknown(reference) }
            return []
        }
        let lock = try lock(.shared, doing: "verifying")
        defer { withExtendedLifetime(lock) {} }
        var adapters = try list()
        if let references {
            for reference in references where !adapters.contains(where: { $0.reference == reference }) { throw unknown(reference) }
            adapters = adapters.filter { references.contains($0.reference) }
        }
        let total = adapters.reduce(0) { $0 + ((try? $1.content.get())?.bytes ?? 0) }
        var done = 0
        var problems: [Problem] = []
        var verdicts: [StoredFile: AdapterStorageError?] = [:]
        for adapter in adapters {
            do throws(AdapterStorageError) {
                let manifest = try adapter.content.get()
                for file in manifest.files {
                    let content = StoredFile(path: "", size: file.size, sha256: file.sha256)
                    let verdict = verdicts[content] ?? verdict(content)
                    verdicts[content] = .some(verdict)
                    done += file.size
                    progress(Double(done) / Double(max(total, 1)))
                    if let verdict { throw verdict }
                }
                try repairFolder(manifest)
            } catch {
                problems.append(Problem(reference: adapter.reference, error: error))
            }
        }
        return problems
    }

    /// Nil for a blob that is as it should be.
    private func verdict(_ content: StoredFile) -> AdapterStorageError? {
        let path = blob(content.sha256).path
        do throws(AdapterStorageError) {
            let file = try SystemFile.read(path, followsLink: false)
            let size = try file.size()
            guard size == content.size else {
                return .damaged(file: path, what: "size", problem: "got \(size) bytes, wanted \(content.size)")
            }
            let got = try FilePortions.sha256(of: file)
            return got == content.sha256 ? nil : .damaged(file: path, what: "content", problem: "its SHA-256 is \(got)")
        } catch {
            return error
        }
    }

    private func repairFolder(_ manifest: StoredManifest) throws(AdapterStorageError) {
        let folder = try makeFolder(manifest)
        guard wrongLink(manifest) != nil else { return }
        let away = partial.appendingPathComponent(UUID().uuidString)
        try DurableFolder.make(partial.path)
        try DurableFolder.move(folder.path, to: away.path)
        _ = try makeFolder(manifest)
        try? FileManager.default.removeItem(at: away)
    }
}
