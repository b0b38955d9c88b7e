import Foundation

/// Text for a descriptor that may be slow, full, or read by nobody: a thread of its own writes it, and whoever has something to say goes on at
/// once. What finds no room is dropped and counted, and the count is told as soon as there is room.
///
/// `@unchecked Sendable`: every variable is read and written with `condition` locked.
package final class LogWriter: @unchecked Sendable {
    private let condition = NSCondition()
    private let descriptor: Int32
    private let limit: Int
    private var waiting: [UInt8] = []
    /// Lines that were dropped since the count was last told.
    private var dropped = 0
    /// Whether the thread has nothing to do, or nothing that it could do.
    private var isIdle = true

    /// - Parameter limit: bytes that wait, beside those that are being written.
    package init(descriptor: Int32, limit: Int) {
        (self.descriptor, self.limit) = (descriptor, limit)
        let thread = Thread { [self] in run() }
        thread.name = "resa.log"
        thread.start()
    }

    /// - Parameter line: whole, with its end.
    package func write(_ line: String) {
        condition.lock()
        defer { condition.unlock() }
        if waiting.count + line.utf8.count <= limit { waiting += line.utf8 } else { dropped += 1 }
        isIdle = false
        condition.broadcast()
    }

    /// Returns when everything is written, or after so many seconds.
    package func flush(seconds: Double) {
        let deadline = Date(timeIntervalSinceNow: seconds)
        condition.lock()
        defer { condition.unlock() }
        while !isIdle {
            guard condition.wait(until: deadline) else { return }
        }
    }

    private func run() {
        while true {
            condition.lock()
            while waiting.isEmpty, dropped == 0 { rest() }
            var batch = waiting
            let told = dropped
            (waiting, dropped) = ([], 0)
            condition.unlock()
            if told > 0 { batch += Array("resa: \(told) lines were dropped here: standard error did not take them\n".utf8) }
            let code = batch.withUnsafeBytes { Descriptor.write($0, to: descriptor) }
            guard code != 0 else { continue }
            condition.lock()
            dropped += told + batch.count(where: { $0 == 0x0A }) - (told > 0 ? 1 : 0)
            // A full disk may get room; no line comes without one that says so.
            while waiting.isEmpty { rest() }
            condition.unlock()
        }
    }

    /// Waits for something to change, with `condition` locked.
    private func rest() {
        isIdle = true
        condition.broadcast()
        condition.wait()
    }
}

/// What a logger writes to: a line for each message, whatever the message holds.
package struct LogStream: TextOutputStream, Sendable {
    package let writer: LogWriter

    package init(writer: LogWriter) { self.writer = writer }

    package mutating func write(_ line: String) {
        writer.write(String(decoding: line.utf8.dropLast(line.utf8.last == 0x0A ? 1 : 0), as: UTF8.self).harmless(keeping: "\t") + "\n")
    }
}
