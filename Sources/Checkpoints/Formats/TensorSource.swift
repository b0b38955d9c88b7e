/// What a file says about one tensor. A `TensorInfo` made by a reader of this target has been validated: the byte range lies inside
/// the file and is exactly as long as type and shape demand.
package struct TensorInfo: Sendable, Equatable {
    package let name: String
    package let type: ElementType
    /// Row-major, outermost dimension first (GGUF's reversed order is undone). Empty for a scalar.
    package let shape: [Int]
    /// Where the elements lie, counted from the start of the file.
    package let byteRange: Range<Int>

    /// Rows of the tensor seen as the matrix `[shape[0], rest]`; a scalar is `[1, 1]`.
    package var rows: Int { shape.first ?? 1 }
    /// Elements per row: the product of all dimensions but the first.
    package var rowLength: Int { shape.dropFirst().reduce(1, *) }
    package var elementCount: Int { rows * rowLength }

    /// The size in bytes of `shape` elements of `type`; nil when it overflows or the last dimension is no multiple of the block.
    static func byteCount(type: ElementType, shape: [Int]) -> Int? {
        // Zeros are left out at first: beside one, the other dimensions could have any product, and `rowLength` would overflow.
        var product = 1
        for dimension in shape where dimension != 0 {
            let (next, overflow) = product.multipliedReportingOverflow(by: dimension)
            guard dimension > 0, !overflow else { return nil }
            product = next
        }
        let elements = shape.contains(0) ? 0 : product
        let block = type.block
        guard (shape.last ?? 1) % block.elements == 0, elements % block.elements == 0 else { return nil }
        let (bytes, overflow) = (elements / block.elements).multipliedReportingOverflow(by: block.bytes)
        return overflow ? nil : bytes
    }
}

/// A set of named tensors that can be read as f32, row by row.
package protocol TensorSource: Sendable {
    /// The file or folder, for error messages.
    var path: String { get }
    /// Sorted.
    var tensorNames: [String] { get }
    func info(_ name: String) -> TensorInfo?
    /// Writes rows `rows` of the tensor seen as `[shape[0], rest]`, expanded to f32, `rest` numbers per row, into `destination`.
    /// May be called from several threads at once.
    /// - Throws: `CheckpointError.missingTensor`, `.unsupportedType`, `.cannotRead`, or `.malformed` when `rows` is not inside the tensor.
    func expand(_ name: String, rows: Range<Int>, into destination: UnsafeMutablePointer<Float>) throws(CheckpointError)
    /// Writes the stored bytes of rows `rows`, each a whole number of blocks, to `destination`. May be called from several threads at once.
    /// - Throws: `CheckpointError.missingTensor`, `.cannotRead`, or `.malformed` when `rows` is not inside the tensor or a row ends inside a
    ///   block.
    func stored(_ name: String, rows: Range<Int>, into destination: UnsafeMutableRawPointer) throws(CheckpointError)
    /// The files that hold the tensors, in an order that does not change.
    var files: [OpenFile] { get }
}

extension TensorSource {
    /// The whole tensor as f32 in row-major order. For vectors and small matrices.
    /// - Parameter maximumElements: larger tensors are refused with `.malformed`, before any memory is taken.
    package func floats(_ name: String, maximumElements: Int = 1 << 28) throws(CheckpointError) -> [Float] {
        guard let info = info(name) else { throw missing(name) }
        guard info.elementCount <= maximumElements else {
            throw .malformed(
                file: path, what: "tensor \(name)", got: "\(info.elementCount) elements", wanted: "at most \(maximumElements)")
        }
        var failure: CheckpointError?
        let values = [Float](unsafeUninitializedCapacity: info.elementCount) { buffer, count in
            guard let base = buffer.baseAddress, info.elementCount > 0 else { return }
            do throws(CheckpointError) {
                try expand(name, rows: 0..<info.rows, into: base)
                count = info.elementCount
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return values
    }

    /// The stored bytes of the whole tensor. For vectors and small matrices.
    package func storedBytes(_ name: String) throws(CheckpointError) -> [UInt8] {
        guard let info = info(name) else { throw missing(name) }
        var failure: CheckpointError?
        let bytes = [UInt8](unsafeUninitializedCapacity: info.byteRange.count) { buffer, count in
            guard let start = buffer.baseAddress, !info.byteRange.isEmpty else { return }
            do throws(CheckpointError) {
                try stored(name, rows: 0..<info.rows, into: start)
                count = info.byteRange.count
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Hands over the stored bytes of the whole tensor, in portions.
    /// - Throws: `CheckpointError`; what `body` throws.
    package func copy(_ name: String, to body: (UnsafeRawBufferPointer) throws -> Void) throws {
        guard let info = info(name) else { throw missing(name) }
        guard info.rows > 0, !info.byteRange.isEmpty else { return }
        // A vector of blocks can only be read whole.
        let rowBytes = info.shape.count > 1 ? info.byteRange.count / info.rows : info.byteRange.count
        let step = info.shape.count > 1 ? min(max(1, (4 << 20) / rowBytes), info.rows) : info.rows
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: info.shape.count > 1 ? step * rowBytes : rowBytes, alignment: 64)
        defer { buffer.deallocate() }
        guard let start = buffer.baseAddress else { return }
        for first in stride(from: 0, to: info.rows, by: step) {
            let rows = first..<min(first + step, info.rows)
            try stored(name, rows: rows, into: start)
            try body(UnsafeRawBufferPointer(rebasing: buffer[..<(info.shape.count > 1 ? rows.count * rowBytes : rowBytes)]))
        }
    }

    /// Throws when somebody has written to the files since they were opened: what was read may be of two versions.
    package func refuseChanged() throws(CheckpointError) {
        for file in files where !file.isUnchanged {
            throw .cannotRead(file: file.path, reason: "it was changed while it was read; try again when it is whole")
        }
    }

    /// The error for an absent tensor, with the names that come closest to it.
    package func missing(_ name: String) -> CheckpointError {
        .missingTensor(file: path, tensor: name, near: NearNames.find(name, among: tensorNames))
    }
}
