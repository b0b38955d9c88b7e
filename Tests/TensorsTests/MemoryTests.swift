import Foundation
import Tensors
import Testing

@Suite struct MemoryTests {
    @Test(arguments: [0, 1, 17, 1000, 262_143, 262_144, 1_000_001]) func alignedAndZero(_ count: Int) {
        let buffer = AlignedBuffer<Float>(count: count)
        #expect(buffer.count == count && Int(bitPattern: buffer.pointer) % 64 == 0)
        #expect(buffer.buffer.allSatisfy { $0.bitPattern == 0 })
        buffer.buffer.update(repeating: 1)
        #expect(buffer.buffer.allSatisfy { $0 == 1 })
    }

    @Test func elementsAreReachedInPlace() {
        let buffer = AlignedBuffer(repeating: (id: Int32(7), weight: Float(0.5)), count: 3)
        buffer[1].weight += 1
        #expect((0..<3).map { buffer[$0].weight } == [0.5, 1.5, 0.5] && buffer.buffer.allSatisfy { $0.id == 7 })
        let copied = AlignedBuffer([3, 1, 2] as [Int32])
        #expect(Array(copied.buffer) == [3, 1, 2])
    }

    @Test func aBoxEndsWhatItHolds() {
        final class Counter { var ended = 0 }
        struct Held: ~Copyable {
            let counter: Counter
            var value = 1
            deinit { counter.ended += 1 }
        }
        let counter = Counter()
        do {
            let box = Box(Held(counter: counter))
            box.pointer.pointee.value += 1
            #expect(box.pointer.pointee.value == 2 && counter.ended == 0)
        }
        #expect(counter.ended == 1)
    }

    /// Address space is not memory: a large buffer costs what is touched of it.
    @Test func touchedLazily() throws {
        let before = try residentBytes()
        let buffer = AlignedBuffer<UInt8>(count: 4 << 30)
        buffer.pointer[1 << 30] = 1
        #expect(try residentBytes() - before < 1 << 30)
        #expect(buffer.pointer[1 << 30] == 1 && buffer.pointer[3 << 30] == 0)
    }

    @Test func workspaceReusesWhatIsReleased() {
        let workspace = Workspace()
        let first = workspace.allocate(Float.self, 100)
        let mark = workspace.mark()
        let second = workspace.allocate(UInt8.self, 3)
        let large = workspace.matrix(700, 1001)
        #expect(Int(bitPattern: second) - Int(bitPattern: first) >= 400)
        #expect(large.stride == 1008 && Int(bitPattern: large.pointer) % 64 == 0)
        large.fill(1)
        first[99] = 5
        let held = workspace.byteCount
        for _ in 0..<10 {
            workspace.release(mark)
            #expect(workspace.allocate(UInt8.self, 3) == second)
            #expect(workspace.matrix(700, 1001).pointer == large.pointer)
        }
        #expect(workspace.byteCount == held && first[99] == 5)
    }

    @Test func views() {
        let matrix = Matrix(4, 6)
        for row in 0..<4 { for column in 0..<6 { matrix.view[row, column] = Float(10 * row + column) } }
        let part = matrix.view.rows(1..<3).columns(2..<5)
        #expect(part.rows == 2 && part.columns == 3 && part.elements == [12, 13, 14, 22, 23, 24])
        part.fill(0)
        #expect(matrix.view[1, 1] == 11 && matrix.view[1, 4] == 0 && matrix.view[1, 5] == 15 && matrix.guardsHold)
    }

    private func residentBytes() throws -> Int {
        let statm = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
        return Int(statm.split(separator: " ")[1])! * 4096
    }
}
