import CZstd

/// Reads zstd frames in bounded memory, and believes nothing they say about themselves.
final class FrameDecompressor {
    /// Frames that want a larger window (8 MiB) are refused.
    static let windowLog = 23

    private let context: OpaquePointer
    private let input = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
    private let output = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)

    init() throws(AdapterStorageError) {
        guard let context = ZSTD_createDCtx() else { throw .system(path: "zstd", doing: "starting", reason: "no memory") }
        self.context = context
        ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, Int32(Self.windowLog))
    }

    deinit {
        ZSTD_freeDCtx(context)
        input.deallocate()
        output.deallocate()
    }

    /// Decompresses the frame that `file` stands at.
    /// - Parameters:
    ///   - what: the frame, for errors.
    ///   - body: gets the bytes in order; never more than `frame.size` in all.
    /// - Throws: `.damaged` when the bytes are not exactly one frame of `frame.stored` bytes that holds `frame.size` bytes.
    func read(
        _ frame: PackManifest.Frame, from file: SystemFile, what: String,
        _ body: (UnsafeRawBufferPointer) throws(AdapterStorageError) -> Void
    ) throws(AdapterStorageError) {
        func damaged(_ problem: String) -> AdapterStorageError { .damaged(file: file.path, what: what, problem: problem) }
        ZSTD_DCtx_reset(context, ZSTD_reset_session_only)
        var unread = frame.stored
        var produced = 0
        var source = ZSTD_inBuffer(src: input.baseAddress, size: 0, pos: 0)
        var isFirst = true
        while true {
            if source.pos == source.size, unread > 0 {
                let count = min(unread, input.count)
                let got = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: input[..<count]))
                guard got == count else { throw damaged("the file ends inside it") }
                unread -= count
                source = ZSTD_inBuffer(src: input.baseAddress, size: count, pos: 0)
                if isFirst, let problem = Self.problem(UnsafeRawBufferPointer(rebasing: input[..<count]), size: frame.size) {
                    throw damaged(problem)
                }
                isFirst = false
            }
            // One byte more than there may be, to see it coming.
            var out = ZSTD_outBuffer(dst: output.baseAddress, size: min(output.count, frame.size - produced + 1), pos: 0)
            let before = source.pos
            let left = ZSTD_decompressStream(context, &out, &source)
            guard ZSTD_isError(left) == 0 else { throw damaged(String(cString: ZSTD_getErrorName(left))) }
            guard out.pos <= frame.size - produced else { throw damaged("it holds more than the \(frame.size) bytes it declares") }
            produced += out.pos
            try body(UnsafeRawBufferPointer(rebasing: output[..<out.pos]))
            if left == 0 { break }
            guard out.pos > 0 || source.pos > before || unread > 0 else { throw damaged("it is cut short") }
        }
        guard unread == 0, source.pos == source.size else { throw damaged("bytes follow it") }
        guard produced == frame.size else { throw damaged("it holds \(produced) bytes, wanted \(frame.size)") }
    }

    /// What is wrong with a frame's beginning; nil when nothing is. Skippable frames, and frames that do not say their size, are not what
    /// packs are made of.
    private static func problem(_ bytes: UnsafeRawBufferPointer, size: Int) -> String? {
        guard bytes.count >= 4, bytes.loadUnaligned(as: UInt32.self).littleEndian == 0xFD2F_B528 else { return "it is no zstd frame" }
        let declared = ZSTD_getFrameContentSize(bytes.baseAddress, bytes.count)
        return declared == UInt64(size) ? nil : "the frame itself declares another size than the manifest's \(size) bytes"
    }
}
