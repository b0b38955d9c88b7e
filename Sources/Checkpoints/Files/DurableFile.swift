import Foundation

/// A file that appears under its name whole and on the disk, or not at all: written beside it, synced, renamed. What an interrupted process left
/// is written over by the next.
package final class DurableFile<Failure: FileFailure> {
    private let path: String
    private let file: SystemFile<Failure>
    private var isPlaced = false

    package init(_ path: String) throws(Failure) {
        self.path = path
        file = try SystemFile.create(path + ".partial", replaces: true)
    }

    /// What was not placed is removed.
    deinit { if !isPlaced { unlink(file.path) } }

    package func write(_ bytes: UnsafeRawBufferPointer) throws(Failure) { try file.write(bytes) }

    package func write(_ bytes: [UInt8]) throws(Failure) { try file.write(bytes) }

    /// Puts the file into its place. Both it and its name are on the disk afterwards.
    package func commit() throws(Failure) {
        try file.sync()
        try DurableFolder<Failure>.move(file.path, to: path)
        isPlaced = true
        try DurableFolder<Failure>.sync(URL(fileURLWithPath: path).deletingLastPathComponent().path)
    }
}
