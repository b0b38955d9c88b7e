import Foundation

/// Writing to what may be full, gone, or in no hurry.
package enum Descriptor {
    /// Writes all of it, however long that takes.
    /// - Returns: 0, or the number of the system's error.
    package static func write(_ text: String, to descriptor: Int32) -> Int32 {
        var text = text
        return text.withUTF8 { write(UnsafeRawBufferPointer($0), to: descriptor) }
    }

    package static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Int32 {
        var done = 0
        while done < bytes.count, let start = bytes.baseAddress {
            let count = Foundation.write(descriptor, start + done, bytes.count - done)
            if count >= 0 {
                done += count
            } else if errno == EAGAIN {
                // Whoever shares the terminal or pipe may have made it so.
                wait(descriptor, for: POLLOUT)
            } else if errno != EINTR {
                return errno
            }
        }
        return 0
    }

    /// Returns when the descriptor takes or has something, or has failed.
    package static func wait(_ descriptor: Int32, for events: Int32) {
        var waited = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        _ = poll(&waited, 1, -1)
    }

    /// Files and connections get the lowest numbers that are free: without this, what is printed would go into one of them when the process
    /// was started with its standard output closed.
    package static func openStandard() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) == -1 && errno == EBADF {
            _ = open("/dev/null", O_RDWR)
        }
    }
}
