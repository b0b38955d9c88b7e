import CPCRE2

/// A regular expression over module names, as PEFT configs hold them (Python's `re`). PCRE2 reads that dialect, and its match
/// limit keeps a hostile pattern from running for ever.
final class ModulePattern {
    enum Failure: Error {
        /// PCRE2's words and the offset in the pattern.
        case malformed(String)
        case tooHard
    }

    private let code: OpaquePointer
    private let data: OpaquePointer
    private let context: OpaquePointer

    /// Matches that may take long, over all patterns of one config.
    final class Budget {
        fileprivate var longMatches = 200
    }

    /// Steps that a match may take; real patterns over names of some forty characters need a few hundred.
    private static let usualSteps: UInt32 = 1000
    private static let mostSteps: UInt32 = 200_000
    private static let lengthLimit = 4096

    /// - Parameter whole: the pattern has to match the whole name (`re.fullmatch`), not only start at its start (`re.match`).
    init(_ pattern: String, whole: Bool) throws(Failure) {
        guard pattern.utf8.count <= Self.lengthLimit else { throw .malformed("it is longer than \(Self.lengthLimit) bytes") }
        var errorCode: Int32 = 0
        var errorOffset = 0
        let options = UInt32(PCRE2_ANCHORED) | UInt32(PCRE2_UTF) | (whole ? UInt32(PCRE2_ENDANCHORED) : 0)
        var text = pattern
        let compiled = text.withUTF8 { bytes in
            pcre2_compile_8(bytes.baseAddress, bytes.count, options, &errorCode, &errorOffset, nil)
        }
        guard let compiled else {
            var message = [UInt8](repeating: 0, count: 256)
            let length = pcre2_get_error_message_8(errorCode, &message, message.count)
            throw .malformed("\(String(decoding: message.prefix(max(0, Int(length))), as: UTF8.self)) at offset \(errorOffset)")
        }
        guard let data = pcre2_match_data_create_8(1, nil), let context = pcre2_match_context_create_8(nil) else {
            pcre2_code_free_8(compiled)
            throw .malformed("out of memory")
        }
        code = compiled
        self.data = data
        self.context = context
    }

    deinit {
        pcre2_match_context_free_8(context)
        pcre2_match_data_free_8(data)
        pcre2_code_free_8(code)
    }

    /// - Throws: `Failure.tooHard`.
    func matches(_ name: String, _ budget: Budget) throws(Failure) -> Bool {
        var result = match(name, steps: Self.usualSteps)
        if result == PCRE2_ERROR_MATCHLIMIT, budget.longMatches > 0 {
            budget.longMatches -= 1
            result = match(name, steps: Self.mostSteps)
        }
        if result == PCRE2_ERROR_NOMATCH { return false }
        guard result >= 0 else { throw .tooHard }
        return true
    }

    private func match(_ name: String, steps: UInt32) -> Int32 {
        pcre2_set_match_limit_8(context, steps)
        var text = name
        return text.withUTF8 { bytes in
            pcre2_match_8(code, bytes.baseAddress, bytes.count, 0, 0, data, context)
        }
    }
}
