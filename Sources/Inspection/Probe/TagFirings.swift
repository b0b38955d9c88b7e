/// Latents that act at both think tags of a text and at none of its other tokens, against what any two kinds of its tokens would give.
///
/// A latent counts for two kinds of tokens when it acts at one occurrence of each at least, and nowhere else. The null goes through all pairs of
/// kinds that the text has, which is every way to say which two are the tags: exact, with nothing drawn.
package struct TagFirings: Sendable, Equatable {
    /// Ascending.
    package let latents: [Int32]
    /// Pairs of kinds of tokens, the tags included.
    package let pairs: Int
    /// Latents of a pair, in the mean over all pairs.
    package let nullMean: Double
    package let nullMaximum: Int
    /// Share of the pairs, the tags among them, that have as many latents or more.
    package let p: Double

    /// - Parameters:
    ///   - active: the latents that act at each of `tokens`.
    /// - Throws: `.badSetting` when a tag does not stand in the text, or nothing beside them does.
    package init(tokens: [Int32], active: [[Int32]], open: Int32, close: Int32) throws(InspectionError) {
        precondition(tokens.count == active.count)
        let kinds = Set(tokens)
        guard kinds.contains(open), kinds.contains(close), open != close else {
            throw .badSetting(
                name: "--system-prompt", problem: "does not hold both think tags as the model's tokens; give a text that holds both")
        }
        guard kinds.count > 2 else { throw .badSetting(name: "--system-prompt", problem: "holds nothing but think tags") }
        /// The kinds at which each latent acts, as far as they are no more than two.
        var seen: [Int32: Kinds] = [:]
        for (token, latents) in zip(tokens, active) {
            for latent in latents { seen[latent, default: Kinds()].add(token) }
        }
        var counts: [Pair: Int] = [:]
        var found: [Int32] = []
        let tags = Pair(open, close)
        for (latent, kinds) in seen {
            guard let pair = kinds.pair else { continue }
            counts[pair, default: 0] += 1
            if pair == tags { found.append(latent) }
        }
        latents = found.sorted()
        pairs = kinds.count * (kinds.count - 1) / 2
        nullMean = Double(counts.values.reduce(0, +)) / Double(pairs)
        nullMaximum = counts.values.max() ?? 0
        let observed = found.count
        p = observed == 0 ? 1 : Double(counts.values.count { $0 >= observed }) / Double(pairs)
    }

    private struct Pair: Hashable {
        let low: Int32
        let high: Int32
        init(_ a: Int32, _ b: Int32) { (low, high) = (min(a, b), max(a, b)) }
    }

    private struct Kinds {
        private var first: Int32?
        private var second: Int32?
        private var hasMore = false

        mutating func add(_ token: Int32) {
            if first == nil || first == token {
                first = token
            } else if second == nil || second == token {
                second = token
            } else {
                hasMore = true
            }
        }

        var pair: Pair? {
            guard let first, let second, !hasMore else { return nil }
            return Pair(first, second)
        }
    }
}
