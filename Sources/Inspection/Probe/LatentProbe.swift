import Adapters
import Texts
import Tokenizers

/// What reading text tells of the latents at one hookpoint.
struct LatentProbe {
    let reader: LatentReader
    let tokenizer: Tokenizer
    let words: ReasoningWords
    /// Tokens that mark where texts begin and end: left out of the score, as in the published code.
    let marks: Set<Int32>
    private(set) var tags: TagFirings?
    private(set) var score: ReasonScore
    let null: ReasonScoreNull
    private(set) var strongest: StrongestContexts

    init(reader: LatentReader, tokenizer: Tokenizer, words: ReasoningWords, marks: Set<Int32>, search: ProbeSettings) {
        (self.reader, self.tokenizer, self.words, self.marks) = (reader, tokenizer, words, marks)
        let latents = reader.sae.latents
        score = ReasonScore(latents: latents, words: words.words.count)
        null = ReasonScoreNull(latents: latents, words: words.words.count, draws: search.scoreDraws, seed: search.seed)
        strongest = StrongestContexts(latents: latents, limit: search.contexts)
    }

    mutating func readTags(_ prompt: [Int32], _ tags: ThinkTags) throws {
        var active: [[Int32]] = []
        if !prompt.isEmpty { reader.read(prompt) { active.append(Array($0.indices)) } }
        self.tags = try TagFirings(tokens: prompt, active: active, open: tags.open, close: tags.close)
    }

    mutating func read(_ chunks: TokenChunks, progress: (Double) -> Void) {
        for chunk in 0..<chunks.count {
            let tokens = chunks.tokens(chunk)
            let windows = words.windows(tokens, tokenizer: tokenizer)
            null.begin(windows: windows, chunk: chunk)
            reader.read(tokens) { token in
                if !marks.contains(tokens[token.position]) {
                    score.add(token.indices, token.activations, windows: windows[token.position])
                    null.add(token.indices, token.activations, position: token.position)
                }
                for (latent, activation) in zip(token.indices, token.activations) {
                    strongest.add(latent: Int(latent), activation: activation, chunk: chunk, position: token.position)
                }
            }
            progress(Double(chunk + 1) / Double(chunks.count))
        }
    }
}
