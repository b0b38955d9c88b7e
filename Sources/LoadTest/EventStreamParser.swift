#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Splits a server-sent event stream (WHATWG HTML, section 9.2) into the data of its events, however the bytes were cut on their way.
///
/// An event whose lines arrive in one piece is handed out where it lies; only what is cut gets copied. Field names other than `data` are
/// passed over, and so is an event that the stream ends in the middle of, as the standard asks.
package struct EventStreamParser: Sendable {
    /// The beginning of a line whose end has not arrived.
    private var partialLine: [UInt8] = []
    /// The data lines of the event being read, joined by line breaks; nil before the first.
    private var data: [UInt8]?
    /// The last line ended with a carriage return: a line feed that follows belongs to it.
    private var followsReturn = false
    private var isFirstLine = true
    /// Data in one event beyond this is dropped, so that a server gone astray cannot take the client's memory.
    private let maximumEventBytes: Int
    package private(set) var droppedOversized = false

    package init(maximumEventBytes: Int = 16 << 20) { self.maximumEventBytes = maximumEventBytes }

    /// - Parameter handle: gets each event's data, valid during the call only.
    package mutating func consume(_ bytes: UnsafeRawBufferPointer, _ handle: (UnsafeRawBufferPointer) -> Void) {
        var position = 0
        // The only data line so far of the event being read, where it lies in `bytes`.
        var slice: Range<Int>?
        while position < bytes.count {
            if followsReturn {
                followsReturn = false
                if bytes[position] == 0x0A {
                    position += 1
                    continue
                }
            }
            guard let end = Self.lineEnd(bytes, from: position) else {
                Self.append(bytes[position...], to: &partialLine, atMost: maximumEventBytes, &droppedOversized)
                break
            }
            followsReturn = bytes[end] == 0x0D
            if partialLine.isEmpty {
                takeLine(bytes, position..<end, &slice, handle)
            } else {
                Self.append(bytes[position..<end], to: &partialLine, atMost: maximumEventBytes, &droppedOversized)
                let line = partialLine
                partialLine.removeAll(keepingCapacity: true)
                flush(bytes, &slice)
                line.withUnsafeBytes { line in
                    var lineSlice: Range<Int>?
                    takeLine(line, 0..<line.count, &lineSlice, handle)
                    flush(line, &lineSlice)
                }
            }
            position = end + 1
        }
        flush(bytes, &slice)
    }

    private static func lineEnd(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        let base = bytes.baseAddress!
        let feed = memchr(base + start, 0x0A, bytes.count - start).map { UnsafeRawPointer($0) - base }
        let last = feed ?? bytes.count
        // A carriage return alone ends a line too; JSON has none inside, so this finds one right before the line feed or nothing.
        return memchr(base + start, 0x0D, last - start).map { UnsafeRawPointer($0) - base } ?? feed
    }

    private mutating func takeLine(
        _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, _ slice: inout Range<Int>?, _ handle: (UnsafeRawBufferPointer) -> Void
    ) {
        var start = range.lowerBound
        if isFirstLine {
            isFirstLine = false
            if range.count >= 3, bytes[start] == 0xEF, bytes[start + 1] == 0xBB, bytes[start + 2] == 0xBF { start += 3 }
        }
        guard start < range.upperBound else {
            if let whole = slice {
                handle(UnsafeRawBufferPointer(rebasing: bytes[whole]))
            } else if let data {
                data.withUnsafeBytes(handle)
            }
            slice = nil
            data = nil
            return
        }
        guard var value = Self.dataValue(bytes, start..<range.upperBound) else { return }
        if value.lowerBound < value.upperBound, bytes[value.lowerBound] == 0x20 { value = value.lowerBound + 1..<value.upperBound }
        if slice == nil, data == nil {
            slice = value
        } else {
            flush(bytes, &slice)
            data!.append(0x0A)
            Self.append(bytes[value], to: &data!, atMost: maximumEventBytes, &droppedOversized)
        }
    }

    /// What follows `data:`; nil for other fields and comments.
    private static func dataValue(_ bytes: UnsafeRawBufferPointer, _ line: Range<Int>) -> Range<Int>? {
        let start = line.lowerBound
        guard line.count >= 4, bytes[start] == UInt8(ascii: "d"), bytes[start + 1] == UInt8(ascii: "a"),
            bytes[start + 2] == UInt8(ascii: "t"), bytes[start + 3] == UInt8(ascii: "a")
        else { return nil }
        guard line.count > 4 else { return line.upperBound..<line.upperBound }
        return bytes[start + 4] == UInt8(ascii: ":") ? start + 5..<line.upperBound : nil
    }

    private mutating func flush(_ bytes: UnsafeRawBufferPointer, _ slice: inout Range<Int>?) {
        guard let whole = slice else { return }
        data = []
        Self.append(bytes[whole], to: &data!, atMost: maximumEventBytes, &droppedOversized)
        slice = nil
    }

    private static func append(
        _ bytes: Slice<UnsafeRawBufferPointer>, to buffer: inout [UInt8], atMost limit: Int, _ overflowed: inout Bool
    ) {
        guard buffer.count + bytes.count <= limit else {
            overflowed = true
            return
        }
        buffer.append(contentsOf: bytes)
    }
}
