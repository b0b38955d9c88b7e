/// Which tokens of a sequence an intervention touches: those in all of its parts. A row belongs to the prompt when its position is below the
/// prompt's length, so the last prompt token, whose logits give the first generated token, counts as prompt.
package struct InterventionScope: Sendable, Hashable, CustomStringConvertible {
    package enum Part: String, Sendable { case all, prompt, generated }

    package var part = Part.all
    /// Only tokens between `<think>` and `</think>`; see `ThinkTags`.
    package var isInsideThink = false
    /// Only these absolute positions, from 0; nil for all.
    package var positions: Range<Int>?

    package init(_ part: Part = .all, isInsideThink: Bool = false, positions: Range<Int>? = nil) {
        self.part = part
        self.isInsideThink = isInsideThink
        self.positions = positions
    }

    package static let all = InterventionScope()
    package static let prompt = InterventionScope(.prompt)
    package static let generated = InterventionScope(.generated)
    package static let think = InterventionScope(isInsideThink: true)
    package static func window(_ positions: Range<Int>) -> InterventionScope { InterventionScope(positions: positions) }

    /// What requests call the scopes that need no numbers.
    package static let names = "all, prompt, generated, think, or think with one of the others, such as think+generated"

    /// Reads names joined by `+`; nil for others, and for `prompt+generated`, which no token is.
    package init?(name: String) {
        for word in name.split(separator: "+", omittingEmptySubsequences: false) {
            switch word {
            case "all": break
            case "think": isInsideThink = true
            case "prompt" where part != .generated: part = .prompt
            case "generated" where part != .prompt: part = .generated
            default: return nil
            }
        }
    }

    @inline(__always)
    package func contains(_ row: RowContext) -> Bool {
        switch part {
        case .all: break
        case .prompt: guard row.position < row.promptLength else { return false }
        case .generated: guard row.position >= row.promptLength else { return false }
        }
        if isInsideThink, !row.isInsideThink { return false }
        return positions?.contains(Int(row.position)) ?? true
    }

    /// The names without the window.
    package var name: String {
        guard isInsideThink else { return part.rawValue }
        return part == .all ? "think" : "think+\(part.rawValue)"
    }

    package var description: String {
        guard let positions else { return name }
        let window = "\(positions.lowerBound)..<\(positions.upperBound)"
        return name == "all" ? window : "\(name) in \(window)"
    }
}

extension InterventionScope {
    /// Why no token of a sequence can be in scope; nil when one is or may be.
    /// - Parameters:
    ///   - prompt: its tokens.
    ///   - rows: tokens whose rows are computed at most: the prompt's, and all generated ones but the last.
    ///   - tags: nil when the model has none.
    package func emptiness(prompt: some Collection<Int32>, rows: Int, tags: ThinkTags?) -> String? {
        if isInsideThink, tags == nil {
            return "the model's tokenizer has no tokens \(ThinkTags.opening) and \(ThinkTags.closing)"
        }
        let length = prompt.count
        if let positions, positions.isEmpty { return "the window is empty" }
        if part == .generated, rows <= length {
            return "no generated token is read (the last one never is, so max_tokens must be 2 or more)"
        }
        let whole =
            switch part {
            case .all: 0..<rows
            case .prompt: 0..<length
            case .generated: length..<rows
            }
        let range = whole.clamped(to: positions ?? whole)
        if range.isEmpty {
            return "the prompt has \(length) tokens, and at most \(rows - length) generated ones are read"
        }
        guard isInsideThink, let tags else { return nil }
        var isOpen = false
        for (position, token) in prompt.enumerated() {
            let isInside = tags.read(token, isOpen: &isOpen)
            if isInside, range.contains(position) { return nil }
        }
        // Where the prompt leaves it closed, the first generated token may open it, and the second stand inside.
        let first = isOpen ? length : length + 1
        return range.upperBound > first ? nil : "no token there is inside \(ThinkTags.opening)"
    }
}
