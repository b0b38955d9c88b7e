import Adapters
import Tokenizers
import Training

/// What reading text tells of the latents at one hookpoint.
struct LatentProbe {
    let reader: LatentReader
    let tokenizer: Tokenizer
    let words: ReasoningWords
    private(set) var tags: TagFirings?
    private(set) var score: ReasonScore
    private(set) var strongest: StrongestContexts

    init(reader: LatentReader, tokenizer: Tokenizer, words: ReasoningWords, contexts: Int) {
        (self.reader, self.tokenizer, self.words) = (reader, tokenizer, words)
        score = ReasonScore(latents: reader.sae.latents, words: words.words.count)
        strongest = StrongestContexts(latents: reader.sae.latents, limit: contexts)
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
            reader.read(tokens) { token in
                score.add(token.indices, token.activations, windows: windows[token.position])
                for (latent, activation) in zip(token.indices, token.activations) {
                    strongest.add(latent: Int(latent), activation: activation, chunk: chunk, position: token.position)
                }
            }
            progress(Double(chunk + 1) / Double(chunks.count))
        }
    }
}
