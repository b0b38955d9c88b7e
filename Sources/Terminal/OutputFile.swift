import Foundation

/// A file that a verb writes because it was asked to.
package enum OutputFile {
    /// Replaces a file in one step; devices and pipes are written to, not replaced.
    /// - Throws: `CommandError` naming the file and the reason.
    package static func write(_ text: String, to path: String) throws(CommandError) {
        var status = stat()
        if stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
            let descriptor = open(path, O_WRONLY | O_CLOEXEC)
            let code = descriptor < 0 ? errno : Descriptor.write(text, to: descriptor)
            if descriptor >= 0 { close(descriptor) }
            guard code == 0 else { throw CommandError("\(path) cannot be written: \(String(cString: strerror(code)))") }
            return
        }
        do {
            try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw CommandError("\(path) cannot be written: \(error.localizedDescription)")
        }
    }
}
