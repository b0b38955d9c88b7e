import Tensors

/// The validated tensors of one open file; what the file readers share once their headers are parsed.
struct TensorTable: Sendable {
    let file: OpenFile
    let infos: [String: TensorInfo]
    let names: [String]

    /// Checks that every tensor lies in `data` (the file's part behind the header) and that no two overlap.
    init(file: OpenFile, infos: [String: TensorInfo], data: Range<Int>) throws(CheckpointError) {
        for info in infos.values where info.byteRange.lowerBound < data.lowerBound || info.byteRange.upperBound > data.upperBound {
            throw .malformed(
                file: file.path, what: "tensor \(info.name)", got: "bytes \(info.byteRange)",
                wanted: "bytes inside the data section \(data)")
        }
        let ordered = infos.values.filter { !$0.byteRange.isEmpty }
            .sorted { ($0.byteRange.lowerBound, $0.name) < ($1.byteRange.lowerBound, $1.name) }
        for (info, next) in zip(ordered, ordered.dropFirst()) where next.byteRange.lowerBound < info.byteRange.upperBound {
            throw .malformed(
                file: file.path, what: "tensor \(next.name)", got: "bytes \(next.byteRange), which overlap those of \(info.name)",
                wanted: "bytes at or after \(info.byteRange.upperBound)")
        }
        self.file = file
        self.infos = infos
        names = infos.keys.sorted()
    }

    func expand(_ info: TensorInfo, rows: Range<Int>, into destination: UnsafeMutablePointer<Float>) throws(CheckpointError) {
        guard let kernel = info.type.kernel else {
            throw .unsupportedType(
                file: file.path, tensor: info.name, got: info.type.rawValue, wanted: ElementType.expandableNames)
        }
        let range = try byteRange(info, rows: rows)
        // What a file stores little-endian is what this machine holds.
        if info.type == .f32 { return try file.read(range, into: destination) }
        let block = info.type.block
        let portion = min(Self.portionBytes / block.bytes * block.bytes, range.count)
        let scratch = UnsafeMutableRawPointer.allocate(byteCount: portion, alignment: 64)
        defer { scratch.deallocate() }
        var done = 0
        while done < range.count {
            let count = min(portion, range.count - done)
            let start = range.lowerBound + done
            try file.read(start..<start + count, into: scratch)
            ElementExpansion.expand(
                kernel, from: scratch, count: count / block.bytes * block.elements,
                into: destination + done / block.bytes * block.elements)
            done += count
        }
    }

    /// What is expanded at a time: it stays in a processor's own cache.
    private static let portionBytes = 256 << 10

    /// Writes the stored bytes of rows `rows` of the tensor to `destination`.
    func stored(_ info: TensorInfo, rows: Range<Int>, into destination: UnsafeMutableRawPointer) throws(CheckpointError) {
        try file.read(try byteRange(info, rows: rows), into: destination)
    }

    /// Where rows `rows` of the tensor lie in the file.
    func byteRange(_ info: TensorInfo, rows: Range<Int>) throws(CheckpointError) -> Range<Int> {
        guard rows.lowerBound >= 0, rows.upperBound <= info.rows else {
            throw .malformed(
                file: file.path, what: "tensor \(info.name)", got: "a request for rows \(rows)", wanted: "rows in 0..<\(info.rows)")
        }
        let first = rows.lowerBound * info.rowLength
        let count = rows.count * info.rowLength
        let block = info.type.block
        // Only a vector of blocks can be cut inside one: the last dimension of a matrix is a multiple of the block.
        guard first % block.elements == 0, count % block.elements == 0 else {
            throw .malformed(
                file: file.path, what: "tensor \(info.name)", got: "a request for elements \(first)..<\(first + count)",
                wanted: "multiples of the \(info.type.rawValue) block, \(block.elements) elements")
        }
        let start = info.byteRange.lowerBound + first / block.elements * block.bytes
        return start..<start + count / block.elements * block.bytes
    }
}
