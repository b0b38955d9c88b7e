import Checkpoints
import Foundation
import Testing

@Suite struct MappedFileTests {
    /// Kilobytes of the file that are resident through its mapping, as Linux counts them.
    private func residentKilobytes(_ path: String) throws -> Int {
        // Files in /proc have no size to read them by.
        let smaps = try #require(try FileHandle(forReadingFrom: URL(fileURLWithPath: "/proc/self/smaps")).readToEnd())
        let maps = String(decoding: smaps, as: UTF8.self).split(separator: "\n")
        let start = try #require(maps.firstIndex { $0.hasSuffix(path) }, "the file is not mapped")
        let line = try #require(maps[start...].first { $0.hasPrefix("Rss:") })
        return try #require(line.split(separator: " ").dropFirst().first.flatMap { Int($0) })
    }

    @Test func discardedPagesLeaveMemory() throws {
        let folder = try TemporaryFolder()
        let size = 4 << 20
        let path = try folder.write([UInt8](repeating: 7, count: size), to: "big")
        let file = try MappedFile(path: path)
        #expect(file.bytes.reduce(0) { $0 + Int($1) } == 7 * size)
        #expect(try residentKilobytes(path) == size >> 10)
        // Only whole pages inside the range go.
        file.discard(1..<size - 1)
        #expect(try residentKilobytes(path) < 64)
        #expect(file.bytes[size / 2] == 7)
        file.discard(-5..<size + 5)
        #expect(try residentKilobytes(path) == 0)
        file.discard(10..<10)
        file.discard(size..<size + 10)
        #expect(file.bytes[0] == 7 && file.bytes[size - 1] == 7)
    }

    @Test func bytesInMemoryPassForAFile() {
        let file = MappedFile(path: "name", contents: [1, 2, 3])
        #expect(file.path == "name" && file.count == 3 && Array(file.bytes) == [1, 2, 3])
        file.discard(0..<3)
        #expect(Array(file.bytes) == [1, 2, 3])
        #expect(MappedFile(path: "name", contents: []).bytes.isEmpty)
    }
}
