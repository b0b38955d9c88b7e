import Engine

/// The fields that shape how tokens are drawn: OpenAI's, and vLLM's `top_k`, `min_p` and `repetition_penalty` beside them.
///
/// Temperature has no upper bound, as in vLLM. `top_k` of -1 means off, as 0 does.
struct SamplingFields {
    let parameters: SamplingParameters

    /// - Parameter model: what it recommends is used where the request is silent.
    init(_ fields: FieldReader, _ model: ServedModel) throws(APIError) {
        var parameters = model.sampling
        if let value = try fields.number("temperature", as: Float.self, in: 0 ... .infinity) { parameters.temperature = value }
        if let value = try fields.number("top_p", as: Float.self, in: 0...1, excludingLower: true) {
            parameters.topP = max(value, .leastNormalMagnitude)
        }
        if let value = try fields.int("top_k", in: -1 ... .max) { parameters.topK = max(value, 0) }
        if let value = try fields.number("min_p", as: Float.self, in: 0...1) { parameters.minP = value }
        if let value = try fields.number("presence_penalty", as: Float.self, in: -2...2) { parameters.presencePenalty = value }
        if let value = try fields.number("frequency_penalty", as: Float.self, in: -2...2) { parameters.frequencyPenalty = value }
        if let value = try fields.number("repetition_penalty", as: Float.self, in: 0 ... .infinity, excludingLower: true) {
            parameters.repetitionPenalty = value
            guard parameters.repetitionPenalty > 0 else {
                throw .bad("repetition_penalty", "repetition_penalty must be a finite number above 0")
            }
        }
        if let value = try Self.seed(fields) { parameters.seed = value }
        if let bias = try fields.object("logit_bias") {
            parameters.logitBias = try Self.logitBias(bias, vocabSize: model.vocabSize)
        }
        self.parameters = parameters
    }

    /// Any whole number, modulo 2^64.
    private static func seed(_ fields: FieldReader) throws(APIError) -> UInt64? {
        guard let value = fields["seed"] else { return nil }
        if let number = value.int { return UInt64(bitPattern: Int64(number)) }
        if case .largeInt(let text) = value {
            let rest = text.utf8.reduce(UInt64(0)) { rest, byte in byte == UInt8(ascii: "-") ? rest : rest &* 10 &+ UInt64(byte - 0x30) }
            return text.hasPrefix("-") ? 0 &- rest : rest
        }
        guard let number = value.double, number.isFinite, number == number.rounded() else {
            throw fields.wrong("seed", value, "a whole number")
        }
        let rest = UInt64(number.magnitude.truncatingRemainder(dividingBy: 0x1p64))
        return number < 0 ? 0 &- rest : rest
    }

    private static func logitBias(_ fields: FieldReader, vocabSize: Int) throws(APIError) -> [Int32: Float] {
        var bias: [Int32: Float] = [:]
        for key in fields.members.keys {
            guard let id = Int32(key), id >= 0, Int(id) < vocabSize else {
                throw .bad("logit_bias", "logit_bias has the key \"\(key.prefix(40))\"; keys must be token ids from 0 to \(vocabSize - 1)")
            }
            if let value = try fields.number(key, as: Float.self, in: -100...100) { bias[id] = value }
        }
        return bias
    }
}
