import Tensors

/// The validated tensors of one mapped file; what the file readers share once their headers are parsed.
struct TensorTable: Sendable {
    let file: MappedFile
    let infos: [String: TensorInfo]
    let names: [String]

    /// Checks that every tensor lies in `data` (the file's part behind the header) and that no two overlap.
    init(file: MappedFile, infos: [String: TensorInfo], data: Range<Int>) throws(CheckpointError) {
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
        let bytes = try stored(info, rows: rows)
        guard let start = bytes.baseAddress, !bytes.isEmpty else { return }
        ElementExpansion.expand(kernel, from: start, count: rows.count * info.rowLength, into: destination)
    }

    /// The bytes of rows `rows` of the tensor.
    func stored(_ info: TensorInfo, rows: Range<Int>) throws(CheckpointError) -> UnsafeRawBufferPointer {
        guard rows.lowerBound >= 0, rows.upperBound <= info.rows else {
            throw .malformed(
                file: file.path, what: "tensor \(info.name)", got: "a request for rows \(rows)", wanted: "rows in 0..<\(info.rows)")
        }
        let first = rows.lowerBound * info.rowLength
        let count = rows.count * info.rowLength
        guard count > 0, let base = file.bytes.baseAddress else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        let block = info.type.block
        // Only a vector of blocks can be cut inside one: the last dimension of a matrix is a multiple of the block.
        guard first % block.elements == 0, count % block.elements == 0 else {
            throw .malformed(
                file: file.path, what: "tensor \(info.name)", got: "a request for elements \(first)..<\(first + count)",
                wanted: "multiples of the \(info.type.rawValue) block, \(block.elements) elements")
        }
        return UnsafeRawBufferPointer(
            start: base + info.byteRange.lowerBound + first / block.elements * block.bytes, count: count / block.elements * block.bytes)
    }

    /// Lets go of the pages that lie wholly in rows `rows`.
    func discard(_ name: String, rows: Range<Int>) {
        guard let info = infos[name], info.rows > 0 else { return }
        let rowBytes = info.byteRange.count / info.rows
        let clamped = rows.clamped(to: 0..<info.rows)
        let start = info.byteRange.lowerBound
        file.discard(start + clamped.lowerBound * rowBytes..<start + clamped.upperBound * rowBytes)
    }
}
