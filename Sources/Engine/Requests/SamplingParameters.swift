/// How the next token is chosen from its logits.
///
/// Applied in this order, the one users of vLLM know: repetition penalty, presence and frequency penalties, logit bias,
/// temperature, `topK`, `topP`, `minP`.
package struct SamplingParameters: Sendable, Equatable {
    /// 0 picks the most likely token; otherwise logits are divided by it.
    package var temperature: Float = 1
    /// Keep the smallest set of tokens whose probability reaches this; 1 keeps all.
    package var topP: Float = 1
    /// Keep this many tokens; 0 keeps all.
    package var topK: Int = 0
    /// Keep tokens at least this fraction as likely as the most likely one; 0 keeps all.
    package var minP: Float = 0
    /// Subtracted once from every token generated so far.
    package var presencePenalty: Float = 0
    /// Subtracted from every token generated so far, times its count.
    package var frequencyPenalty: Float = 0
    /// Divides positive and multiplies negative logits of tokens in the prompt or generated so far (CTRL, arXiv 1909.05858).
    package var repetitionPenalty: Float = 1
    /// Added to the logits of single tokens.
    package var logitBias: [Int32: Float] = [:]
    /// The same seed gives the same tokens; nil draws one.
    package var seed: UInt64?

    package init() {}

    /// - Throws: `EngineError.invalidParameter` naming the field, what was given and what is allowed.
    package func validate(vocabSize: Int) throws(EngineError) {
        func check(_ valid: Bool, _ name: String, _ got: some CustomStringConvertible, _ wanted: String) throws(EngineError) {
            if !valid { throw .invalidParameter(name: name, got: "\(got)", wanted: wanted) }
        }
        try check(temperature.isFinite && temperature >= 0, "temperature", temperature, "a number of at least 0")
        try check(topP > 0 && topP <= 1, "top_p", topP, "a number above 0 and at most 1")
        try check(topK >= 0, "top_k", topK, "0 (off) or more")
        try check(minP >= 0 && minP <= 1, "min_p", minP, "a number from 0 to 1")
        try check(presencePenalty.isFinite, "presence_penalty", presencePenalty, "a finite number")
        try check(frequencyPenalty.isFinite, "frequency_penalty", frequencyPenalty, "a finite number")
        try check(
            repetitionPenalty.isFinite && repetitionPenalty > 0, "repetition_penalty", repetitionPenalty, "a number above 0")
        for (token, bias) in logitBias {
            try check(token >= 0 && Int(token) < vocabSize, "logit_bias", token, "token ids from 0 to \(vocabSize - 1)")
            try check(!bias.isNaN, "logit_bias", bias, "a number")
        }
    }
}

/// When a sequence ends.
package struct StopConditions: Sendable, Equatable {
    /// Tokens to generate at most; 0 only reads the prompt.
    package var maxTokens: Int
    /// Texts that end the answer; not part of it unless `includeStopText`.
    package var strings: [String] = []
    /// Tokens that end the answer, beside the model's end-of-sequence tokens.
    package var tokens: Set<Int32> = []
    /// Go on after an end-of-sequence token.
    package var ignoreEOS = false
    package var includeStopText = false

    package init(maxTokens: Int) {
        self.maxTokens = maxTokens
    }
}
