import CPCRE2

/// A compiled regular expression over UTF-8.
///
/// Patterns in `tokenizer.json` are written for Oniguruma; `PatternTranslation` turns them into PCRE2's language.
/// `@unchecked Sendable`: the compiled code is written only in `init`, before any other reference exists, and PCRE2 only
/// reads it while matching; what a match writes is in the `MatchMemory` of the caller.
final class Pattern: @unchecked Sendable {
    let source: String
    private let code: OpaquePointer
    private let isCompiledToMachineCode: Bool

    enum Syntax {
        case regularExpression
        /// The text stands for itself.
        case literal
    }

    /// - Throws: `TokenizerError.pattern`.
    init(_ source: String, _ syntax: Syntax = .regularExpression) throws(TokenizerError) {
        self.source = source
        var options = PCRE2_UTF
        var text = source
        switch syntax {
        case .regularExpression:
            // Oniguruma's `^` and `$` match at line breaks too.
            options |= PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C
            text = try PatternTranslation.translate(source)
        case .literal:
            options |= PCRE2_LITERAL
        }
        let settings = pcre2_compile_context_create_8(nil)
        defer { pcre2_compile_context_free_8(settings) }
        pcre2_set_newline_8(settings, UInt32(PCRE2_NEWLINE_LF))
        var failure: Int32 = 0
        var place = 0
        var text8 = Array(text.utf8)
        guard
            let code = text8.withUnsafeMutableBufferPointer({
                pcre2_compile_8($0.baseAddress, $0.count, UInt32(options), &failure, &place, settings)
            })
        else {
            var message = [UInt8](repeating: 0, count: 256)
            let length = pcre2_get_error_message_8(failure, &message, message.count)
            throw .pattern(
                source, reason: "\(String(decoding: message.prefix(max(0, Int(length))), as: UTF8.self)), at byte \(place) of \(text)")
        }
        self.code = code
        isCompiledToMachineCode = pcre2_jit_compile_8(code, PCRE2_JIT_COMPLETE) == 0
    }

    deinit { pcre2_code_free_8(code) }

    /// The first match at or after `start`, in bytes of `text`, which must be valid UTF-8; nil when there is none.
    ///
    /// A pattern that runs into the engine's limits on this text finds nothing: encoding then goes on with longer words,
    /// it does not fail.
    @inline(__always)
    func firstMatch(in text: UnsafeBufferPointer<UInt8>, from start: Int, _ memory: MatchMemory) -> Range<Int>? {
        var status: Int32
        if isCompiledToMachineCode {
            status = pcre2_jit_match_8(
                code, text.baseAddress, text.count, start, UInt32(PCRE2_NO_UTF_CHECK), memory.data, memory.context)
            if status < PCRE2_ERROR_NOMATCH { status = interpret(text, start, memory) }
        } else {
            status = interpret(text, start, memory)
        }
        guard status >= 0, let offsets = memory.offsets else { return nil }
        // `\K` inside a look-around could put the start behind the end; take that for no match.
        return offsets[0] <= offsets[1] ? offsets[0]..<offsets[1] : nil
    }

    private func interpret(_ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ memory: MatchMemory) -> Int32 {
        pcre2_match_8(
            code, text.baseAddress, text.count, start, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, memory.data, memory.context)
    }
}

/// What PCRE2 writes while matching. Belongs to one call at a time.
final class MatchMemory {
    let data: OpaquePointer?
    let context: OpaquePointer?
    let offsets: UnsafeMutablePointer<Int>?
    private let stack: OpaquePointer?

    init() {
        data = pcre2_match_data_create_8(1, nil)
        context = pcre2_match_context_create_8(nil)
        stack = pcre2_jit_stack_create_8(32 << 10, 4 << 20, nil)
        pcre2_jit_stack_assign_8(context, nil, stack.map(UnsafeMutableRawPointer.init))
        offsets = data.flatMap { pcre2_get_ovector_pointer_8($0) }
    }

    deinit {
        pcre2_jit_stack_free_8(stack)
        pcre2_match_context_free_8(context)
        pcre2_match_data_free_8(data)
    }
}
