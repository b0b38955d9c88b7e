import CZstd

/// Makes zstd frames, one after the other, in bounded memory. Equal bytes in equal portions give equal frames (for one libzstd version).
final class FrameCompressor {
    /// Levels whose window stays within `FrameDecompressor.windowLog`.
    static let levels = 1...19
    static let defaultLevel = 3

    private let context: OpaquePointer
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)

    /// - Throws: `.system` when memory is lacking.
    init(level: Int) throws(AdapterStorageError) {
        guard let context = ZSTD_createCCtx() else { throw .system(path: "zstd", doing: "starting", reason: "no memory") }
        self.context = context
        let level = min(max(level, Self.levels.lowerBound), Self.levels.upperBound)
        ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Int32(level))
        ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
    }

    deinit {
        ZSTD_freeCCtx(context)
        buffer.deallocate()
    }

    /// Starts a frame of exactly `size` bytes, at least 1.
    func begin(size: Int) {
        ZSTD_CCtx_reset(context, ZSTD_reset_session_only)
        ZSTD_CCtx_setPledgedSrcSize(context, UInt64(size))
    }

    /// Adds bytes to the frame; the last ones end it.
    /// - Returns: how many compressed bytes went to `output`.
    func write(_ bytes: UnsafeRawBufferPointer, isLast: Bool, to output: SystemFile) throws(AdapterStorageError) -> Int {
        var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
        var written = 0
        while true {
            var out = ZSTD_outBuffer(dst: buffer.baseAddress, size: buffer.count, pos: 0)
            let left = ZSTD_compressStream2(context, &out, &input, isLast ? ZSTD_e_end : ZSTD_e_continue)
            guard ZSTD_isError(left) == 0 else {
                throw .system(path: output.path, doing: "compressing", reason: String(cString: ZSTD_getErrorName(left)))
            }
            try output.write(UnsafeRawBufferPointer(rebasing: buffer[..<out.pos]))
            written += out.pos
            if isLast ? left == 0 : input.pos == input.size { return written }
        }
    }
}
