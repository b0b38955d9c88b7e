/// What a pull into a folder brought.
package struct PullReport: Encodable {
    package let path: String
    package let source: String
    package let commit: String?
    package let bytes: Int
    package let bytesFound: Int
    package let files: [PulledFiles.File]

    package init(_ pulled: PulledFiles, path: String) {
        self.path = path
        (source, commit, bytes, bytesFound, files) = (pulled.source, pulled.commit, pulled.bytes, pulled.bytesFound, pulled.files)
    }
}
