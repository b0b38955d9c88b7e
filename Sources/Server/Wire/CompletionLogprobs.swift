import Engine
import JSONText

/// The `logprobs` object of `/v1/completions`: parallel lists over tokens.
///
/// `top_logprobs` always holds the token itself beside the most likely ones, so there may be one more than asked for. Where two tokens
/// have the same text the likelier one is told.
struct CompletionLogprobs {
    private var tokens: [JSON] = []
    private var logprobs: [JSON] = []
    private var top: [JSON] = []
    private var offsets: [JSON] = []

    /// Where the next token starts in the choice's text, in characters.
    var offset = 0

    var isEmpty: Bool { tokens.isEmpty }

    /// Forgets the tokens, for the next chunk of a stream, but not where the text has got to.
    mutating func clear() {
        (tokens, logprobs, top, offsets) = ([], [], [], [])
    }

    mutating func append(_ token: Int32, _ values: TokenLogprobs?, bytes: (Int32) -> [UInt8]) {
        let own = bytes(token)
        tokens.append(.string(TokenText.text(own)))
        offsets.append(.int(max(offset, 0)))
        offset += TokenText.length(own)
        guard let values else {
            logprobs.append(.null)
            top.append(.null)
            return
        }
        logprobs.append(Self.number(values.logprob))
        var alternatives = values.top.map { (text: TokenText.text(bytes($0.id)), logprob: $0.logprob) }
        if !values.top.contains(where: { $0.id == values.id }) {
            alternatives.append((TokenText.text(own), values.logprob))
            alternatives.sort { $0.logprob > $1.logprob }
        }
        var object = JSONObject()
        for alternative in alternatives where object[alternative.text] == nil {
            object[alternative.text] = Self.number(alternative.logprob)
        }
        top.append(.object(object))
    }

    var json: JSON {
        ["tokens": .array(tokens), "token_logprobs": .array(logprobs), "top_logprobs": .array(top), "text_offset": .array(offsets)]
    }

    /// JSON has no infinity; OpenAI's API writes impossible tokens as -9999.
    static func number(_ logprob: Float) -> JSON {
        logprob.isFinite ? .float(logprob) : .double(-9999)
    }
}
