/// What the name in `tokenizer.ggml.pre` stands for. GGUF files carry a name where `tokenizer.json` carries patterns.
///
/// A further name is one more case here.
struct GGUFPreTokenizer {
    let steps: [PreTokenizer.Step]
    var normalizer = Normalizer.none
    /// Whether a word that is a token as a whole is taken without merging.
    var ignoresMerges = false
    /// Whether the beginning-of-sequence token is added when the file does not say.
    var addsBOS = false

    static let names = [
        "default", "gpt-2", "phi-2", "olmo", "smollm", "starcoder", "refact", "qwen2", "deepseek-r1-qwen", "llama-bpe", "llama3",
        "llama-v3",
    ]

    private static let qwen2Pattern =
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    private static let llama3Pattern =
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

    /// - Throws: `TokenizerError.unsupported` for a name that is not known.
    init(name: String?) throws(TokenizerError) {
        switch name ?? "default" {
        case "default", "":
            // What llama.cpp does with files from before there were names.
            steps = try Self.isolating([#"[\p{P}\$\+<=>\^~\|]+"#, PreTokenizer.gpt2Pattern, #"\p{N}+"#, "[0-9][0-9][0-9]"])
        case "gpt-2", "phi-2", "olmo":
            steps = try Self.isolating([PreTokenizer.gpt2Pattern])
        case "smollm", "starcoder", "refact":
            steps = [.digits(individually: true)] + (try Self.isolating([PreTokenizer.gpt2Pattern]))
        case "qwen2", "deepseek-r1-qwen":
            steps = try Self.isolating([Self.qwen2Pattern])
            // GGUF has no key for it; these models' own tokenizer.json normalises.
            normalizer = .nfc
        case "llama-bpe", "llama3", "llama-v3":
            steps = try Self.isolating([Self.llama3Pattern])
            ignoresMerges = true
            addsBOS = true
        case let other:
            throw .unsupported(part: "tokenizer.ggml.pre", got: other, supported: Self.names)
        }
    }

    private static func isolating(_ patterns: [String]) throws(TokenizerError) -> [PreTokenizer.Step] {
        var steps: [PreTokenizer.Step] = []
        for pattern in patterns { steps.append(.split(try Pattern(pattern), .isolated, invert: false)) }
        return steps
    }
}
