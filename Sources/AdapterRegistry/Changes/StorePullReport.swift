/// What a pull into the store brought.
package struct StorePullReport: Encodable {
    package let name: String
    package let digest: String
    package let path: String
    package let source: String?
    package let commit: String?
    package let bytes: Int
    package let bytesFound: Int
    package let files: [File]

    package struct File: Encodable {
        package let path: String
        package let bytes: Int
        package let sha256: String
    }

    package init(_ result: StorePull.Result, _ reference: AdapterReference, _ store: AdapterStore) {
        (name, digest, source) = ("\(reference)", result.manifest.digest, result.manifest.source)
        path = store.folder(result.manifest).path
        (commit, bytes) = (result.pulled?.commit, result.manifest.bytes)
        bytesFound = result.pulled?.bytesFound ?? bytes
        files = result.manifest.files.map { File(path: $0.path, bytes: $0.size, sha256: $0.sha256) }
    }
}
