@testable import Adapters
@testable import Engine

/// What a scripted model answers to every request, one event after the other.
struct ScriptedAnswer: Sendable {
    enum Ending: Sendable {
        case finishes
        /// Goes on until it is cancelled.
        case never
        case fails(EngineError)
    }

    /// Pieces of text, one token each; byte 0xF0 and so on may be cut.
    let pieces: [String]
    let ending: Ending

    /// - Parameter splices: whether an SAE splices; then its fits are told.
    func play(_ request: GenerationRequest, splices: Bool, to continuation: AsyncStream<GenerationEvent>.Continuation) async {
        continuation.yield(
            .prompt(
                PromptReport(
                    tokens: request.prompt.count, cachedTokens: 3,
                    logprobs: request.promptLogprobs.map { top in
                        [nil] + request.prompt.dropFirst().map { Self.logprobs($0, top: top) }
                    },
                    observations: request.observesPrompt ? [Self.observation(request.prompt[0], 0)] : [])))
        var step = 0
        // The script knows no stop strings.
        var texts = Array(
            repeating: AnswerText(StopConditions(maxTokens: request.stop.maxTokens), tags: request.reasoning), count: request.choices)
        while true {
            for choice in 0..<request.choices where step < min(pieces.count, request.stop.maxTokens) {
                let isReasoning = texts[choice].isReasoning
                var token = token(pieces[step], step, choice, request, text: texts[choice].append(pieces[step]))
                token.isReasoning = isReasoning
                continuation.yield(.token(token))
            }
            step += 1
            if case .never = ending {
                if case .terminated = continuation.yield(.token(token("x", step, 0, request, text: .init(content: "x")))) { return }
                try? await Task.sleep(for: .milliseconds(5))
                continue
            }
            if step >= min(pieces.count, request.stop.maxTokens) { break }
            await Task.yield()
        }
        if case .fails(let error) = ending {
            continuation.yield(.failed(error))
            return
        }
        for choice in 0..<request.choices {
            let cut = request.stop.maxTokens < pieces.count
            var rest = texts[choice].append(cut ? "" : "!")
            rest += texts[choice].finish()
            continuation.yield(
                .finished(
                    FinishReport(
                        choice: choice, text: rest.content, reasoning: rest.reasoning, reason: cut ? .length : .stop, stopString: nil,
                        stopToken: nil,
                        generatedTokens: min(pieces.count, request.stop.maxTokens), splices: splices ? Self.splices(choice) : [])))
        }
    }

    /// An FVU of 1/2 over three prompt tokens, the first choice's, and over two generated ones.
    private static func splices(_ choice: Int) -> [SpliceQuality] {
        let shift = Float(choice)
        return [
            SpliceQuality(
                prompt: fit(choice == 0 ? [(0, 0), (1, 0), (2, 2)] : []),
                generated: fit([(shift, shift), (shift + 2, shift + 1)]))
        ]
    }

    private static func fit(_ rows: [(target: Float, reconstruction: Float)]) -> FractionOfVarianceUnexplained {
        let memory = UnsafeMutablePointer<Double>.allocate(capacity: 1)
        defer { memory.deallocate() }
        memory.initialize(to: 0)
        var sums = VarianceSums(width: 1, sums: memory)
        for row in rows { sums.add(target: [row.target], reconstruction: [row.reconstruction]) }
        return FractionOfVarianceUnexplained(sums)
    }

    private func token(
        _ piece: String, _ step: Int, _ choice: Int, _ request: GenerationRequest, text: AnswerText.Piece
    ) -> GeneratedToken {
        let id = Int32(piece.utf8.first ?? 0)
        return GeneratedToken(
            choice: choice, id: id, text: text.content, reasoning: text.reasoning,
            logprobs: request.logprobs.map { Self.logprobs(id, top: $0) },
            observation: request.observesPrompt ? Self.observation(id, step) : nil)
    }

    /// The token is always the second likeliest: 'z' beats it.
    private static func logprobs(_ id: Int32, top: Int) -> TokenLogprobs {
        let likely = [TokenLogprobs.Alternative(id: 122, logprob: -0.25), TokenLogprobs.Alternative(id: id, logprob: -1.5)]
        return TokenLogprobs(id: id, logprob: -1.5, rank: 2, top: Array(likely.prefix(top)))
    }

    private static func observation(_ token: Int32, _ position: Int) -> TokenObservation {
        TokenObservation(
            token: token, position: position,
            readings: [
                LatentReading(
                    adapter: "r1-sae", hookpoint: .residual(layer: 12), latents: [LatentActivation(latent: 7, activation: 2.5)], fvu: nil)
            ])
    }
}
