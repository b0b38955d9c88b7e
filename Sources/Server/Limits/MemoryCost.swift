import Adapters
import Engine
import JSONText

/// Estimates of the memory that a request takes, in bytes: upper bounds of what was measured, not of what could be.
enum MemoryCost {
    /// A list or text of its own, with the allocator's share.
    private static let allocation = 64
    /// A log-probability of one token as a part of an answer: text, number, and where they stand.
    private static let logprob = 384
    /// One latent of one token, likewise.
    private static let latent = 384
    /// A token or reading with neither.
    private static let entry = 512

    /// What parsing JSON makes, beside the text itself. Elements count twice, because lists double as they grow.
    static func parsing(_ text: UnsafeRawBufferPointer) -> Int {
        var (elements, lists, quotes) = (0, 0, 0)
        for byte in text {
            switch byte {
            case UInt8(ascii: ","), UInt8(ascii: ":"): elements += 1
            case UInt8(ascii: "["), UInt8(ascii: "{"): lists += 1
            case UInt8(ascii: "\""): quotes += 1
            default: break
            }
        }
        return text.count + elements * 2 * MemoryLayout<(String, JSON)>.stride + (lists + quotes / 2) * allocation
    }

    /// What a plan's reports and texts take until they are sent.
    static func reports(_ plan: GenerationPlan) -> Int {
        let latents = plan.applied.reduce(0) { $0 + ($1.top ?? 0) }
        let readings = plan.applied.count { $0.top != nil }
        let observation = readings * entry + latents * latent
        return plan.requests.reduce(0) { total, request in
            var prompt = request.prompt.count * MemoryLayout<Int32>.stride
            if let top = request.promptLogprobs { prompt += request.prompt.count * request.choices * (entry + (top + 1) * logprob) }
            if request.observesPrompt { prompt += request.prompt.count * observation * request.choices }
            // A stream's are sent as they come; what a slow reader leaves is counted as it piles up.
            guard !plan.streams else { return total + prompt }
            var token = 16 + observation
            if let top = request.logprobs { token += entry + (top + 1) * logprob }
            return total + prompt + request.choices * request.stop.maxTokens * token
        }
    }

    /// What of that comes at once, in one event.
    static func promptReports(_ plan: GenerationPlan) -> Int {
        var streamed = plan
        streamed.streams = true
        return reports(streamed)
    }

    /// An event that waits to be sent.
    static func event(_ event: GenerationEvent) -> Int {
        guard case .token(let token) = event else { return MemoryLayout<GenerationEvent>.stride }
        var bytes = MemoryLayout<GenerationEvent>.stride + token.text.utf8.count + token.reasoning.utf8.count
        if let top = token.logprobs?.top { bytes += allocation + top.count * MemoryLayout<TokenLogprobs.Alternative>.stride }
        for reading in token.observation?.readings ?? [] {
            bytes += 2 * allocation + MemoryLayout<LatentReading>.stride + reading.latents.count * MemoryLayout<LatentActivation>.stride
        }
        return bytes
    }

    /// Token ids as a list of JSON, twice for the text of the answer.
    static func ids(_ count: Int) -> Int { count * 2 * MemoryLayout<JSON>.stride }
}
