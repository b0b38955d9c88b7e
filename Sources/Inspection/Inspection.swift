// Inspection: what a model and its adapters are and do: whether an adapter suits a model, what packing costs in fidelity, what latents respond to,
// how fast models, adapters and kernels are. Every question is one call that gives a report; nothing is printed.
// It knows nothing about HTTP, requests or scheduling, and trains nothing.

/// Why something cannot be looked into. Every case says what to do about it.
package enum InspectionError: Error, Equatable, CustomStringConvertible {
    /// A text that is too short, or does not hold what is looked for.
    case badText(file: String, problem: String)
    /// Settings that exclude one another or do not fit the model.
    case badSetting(name: String, problem: String)
    case tooLittleText(source: String, tokens: Int, advice: String)
    /// The tokenizer makes what the model has no row for.
    case strangeToken(model: String, token: Int32, vocabulary: Int)
    case noBase(path: String)
    case noSAE(adapter: String, kind: String?)
    case noSuchTag(String)
    /// A file of numbers for hookpoints.
    case badScores(file: String, problem: String)
    /// An adapter's own problem.
    case unusable(String)

    package var description: String {
        switch self {
        case .badText(let file, let problem): "\(file): \(problem)"
        case .badSetting(let name, let problem): "\(name) \(problem)"
        case .tooLittleText(let source, let tokens, let advice): "\(source) has \(tokens) tokens, too few \(advice)"
        case .strangeToken(let model, let token, let vocabulary):
            "the tokenizer of \(model) makes token \(token), the model has \(vocabulary)"
        case .noBase(let path): "there is no model at '\(path)'"
        case .noSAE(let adapter, let kind):
            "\(adapter) is a \(kind ?? "folder of no known kind"); only SAEs have latents to probe"
        case .noSuchTag(let tag):
            "the model has no token '\(tag)'; name its tokens with --open and --close, or leave the think tags out with --no-tags"
        case .badScores(let file, let problem): "\(file)\(problem)"
        case .unusable(let problem): problem
        }
    }
}
