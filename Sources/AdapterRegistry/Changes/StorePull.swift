import Adapters
import Checkpoints
import Digests
import Downloads
import Foundation

/// Fetches an adapter into the store: beside it at first, where an interrupted pull goes on later, and under its name when it is whole and
/// can be used.
package struct StorePull: Sendable {
    let store: AdapterStore
    let puller: Puller

    package init(store: AdapterStore, puller: Puller) { (self.store, self.puller) = (store, puller) }

    /// What a pull added.
    package struct Result: Sendable {
        package let manifest: StoredManifest
        /// What was fetched; nil when nothing was, because it is here and nothing may be.
        package let pulled: PulledFiles?
    }

    /// - Parameters:
    ///   - selection: which files; of a `.resa` file those inside are kept.
    ///   - shape: the model it has to fit; nil for any.
    ///   - sha256: what a single file from the web must be, when somebody said.
    /// - Throws: `.pull`, `.storage`, or `.adapter` for what can be fetched but not used; then the name means what it meant.
    package func pull(
        _ source: PullSource, as reference: AdapterReference, selection: FileSelection = FileSelection(.adapter), shape: ModelShape? = nil,
        sha256: String? = nil, progress: @escaping @Sendable (PullProgress) -> Void = { _ in }
    ) async throws(AdapterChangeError) -> Result {
        let earlier = (store.adapter(reference)?.content).flatMap { try? $0.get() }.flatMap { $0.source == source.description ? $0 : nil }
        if puller.needsNetwork(source), puller.isOffline {
            guard let earlier else { throw .pull(.offline(source: source.description)) }
            return Result(manifest: earlier, pulled: nil)
        }
        let staging = staging(source, reference)
        let earlierFolder = try earlier.map { manifest throws(AdapterChangeError) in
            do throws(AdapterStorageError) { return try store.materialise(manifest) } catch { throw .storage(error) }
        }
        let pulled: PulledFiles
        do throws(PullError) {
            pulled = try await puller.pull(
                source, into: staging, selection: selection, earlier: earlierFolder, sha256: sha256, progress: progress)
        } catch {
            throw .pull(error)
        }
        // Until it is in the store, no sweep may take it for a pull that failed.
        let lock = try? FileLock(folder: staging.path)
        defer { withExtendedLifetime(lock) {} }
        let manifest = try keep(pulled, in: staging, as: reference, shape: shape)
        try? FileManager.default.removeItem(at: staging)
        return Result(manifest: manifest, pulled: pulled)
    }

    /// One folder for each source and name, so that two pulls never mix.
    private func staging(_ source: PullSource, _ reference: AdapterReference) -> URL {
        let hash = SHA256.of(Array("\(reference)\n\(source)".utf8))
        return store.pulls.appendingPathComponent("\(reference.name)-\(HexText.of(hash).prefix(16))", isDirectory: true)
    }

    private func keep(
        _ pulled: PulledFiles, in folder: URL, as reference: AdapterReference, shape: ModelShape?
    ) throws(AdapterChangeError) -> StoredManifest {
        var failure: AdapterError?
        let check: StoreCheck = { (folder) throws(AdapterStorageError) in
            failure = AdapterScanner(shape: shape, baseName: "").check(folder: folder, name: reference.name)
            if let failure { throw .badSource(path: pulled.source, problem: failure.description) }
        }
        do throws(AdapterStorageError) {
            if pulled.files.count == 1, let file = pulled.files.first, file.path.hasSuffix(".resa") {
                return try PackReader(path: folder.appendingPathComponent(file.path).path)
                    .add(to: store, as: reference, source: pulled.source, check: check)
            }
            let writer = try StoreWriter(store)
            // What an interrupted pull of another revision left there is no part of this one.
            for file in pulled.files { try writer.addFile(folder.appendingPathComponent(file.path), as: file.path) }
            return try writer.commit(reference, source: pulled.source, check: check)
        } catch {
            if let failure { throw .adapter(failure) }
            throw .storage(error)
        }
    }
}

extension AdapterScanner {
    /// Why the folder's files cannot be used; nil when they can. Reads headers only: nobody asks for the digest.
    func check(folder: URL, name: String) -> AdapterError? {
        let names = (try? FileManager.default.subpathsOfDirectory(atPath: folder.path)) ?? []
        let known = Dictionary(uniqueKeysWithValues: names.map { ($0, "") })
        return scan(folder: folder, name: name, known: known).error
    }
}
