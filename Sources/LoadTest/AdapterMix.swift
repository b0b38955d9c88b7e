import Measuring

/// Which adapters requests ask for, and how often.
package struct AdapterMix: Sendable, Equatable {
    package struct Entry: Sendable, Equatable {
        /// A value of the header `Resa-Adapters`, such as `a;scale=0.5`, or a model's name; nil for the base model.
        package let adapter: String?
        /// Relative to the sum of all weights.
        package let weight: Double

        package init(adapter: String?, weight: Double) {
            self.adapter = adapter
            self.weight = weight
        }

        /// How the report names it.
        package var label: String { adapter ?? "base" }

        /// Reads `NAME=WEIGHT` or `NAME`, where the name may carry parameters: `a;scale=0.5=2` has the weight 2, `a;scale=0.5` the weight 1.
        /// `none` and `base` stand for no adapter.
        /// - Throws: `LoadTestError.invalidSetting`.
        package init(parsing text: String) throws(LoadTestError) {
            var name = text
            weight = try Self.splitWeight(from: &name)
            let trimmed = String(name.trimmingBlanks())
            guard !trimmed.isEmpty else { throw .invalidSetting("the adapter '\(text)' has no name; wanted NAME=WEIGHT") }
            guard !trimmed.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
                throw .invalidSetting("the adapter '\(text)' has a control character, which no header can carry")
            }
            adapter = trimmed == "none" || trimmed == "base" ? nil : trimmed
        }

        /// Cuts the weight off `text`. A `=` right after a parameter's name belongs to the parameter, and none inside quotes counts.
        private static func splitWeight(from text: inout String) throws(LoadTestError) -> Double {
            var quoted = false
            var inParameter = false
            var signs: [String.Index] = []
            for index in text.indices {
                switch text[index] {
                case "\"": quoted.toggle()
                case ";" where !quoted: (inParameter, signs) = (true, [])
                case "," where !quoted: (inParameter, signs) = (false, [])
                case "=" where !quoted: signs.append(index)
                default: break
                }
            }
            guard signs.count > (inParameter ? 1 : 0), let sign = signs.last else { return 1 }
            let number = String(text[text.index(after: sign)...].trimmingBlanks())
            guard let weight = Double(number), weight > 0, weight.isFinite else {
                throw .invalidSetting("the weight of the adapter '\(text)' is '\(number)', but must be a number above 0")
            }
            text = String(text[..<sign])
            return weight
        }
    }

    /// How a request tells the server.
    package enum Carrier: String, Sendable, CaseIterable {
        /// The header `Resa-Adapters`.
        case header
        /// The field `model`, as servers do that load an adapter as a model of its own.
        case model
    }

    package let entries: [Entry]
    package let carrier: Carrier
    private let totalWeight: Double

    /// Without entries every request goes to the base model.
    package init(_ entries: [Entry] = [], carrier: Carrier = .header) {
        self.entries = entries.isEmpty ? [Entry(adapter: nil, weight: 1)] : entries
        self.carrier = carrier
        totalWeight = self.entries.reduce(0) { $0 + $1.weight }
    }

    /// - Returns: an index into `entries`, drawn by weight.
    package func draw(using generator: inout SplitMix64) -> Int {
        guard entries.count > 1 else { return 0 }
        var rest = generator.nextUnit() * totalWeight
        for (index, entry) in entries.enumerated() {
            rest -= entry.weight
            if rest < 0 { return index }
        }
        return entries.count - 1
    }
}

extension StringProtocol {
    func trimmingBlanks() -> SubSequence {
        var rest = self[...]
        while rest.first?.isWhitespace == true { rest.removeFirst() }
        while rest.last?.isWhitespace == true { rest.removeLast() }
        return rest
    }
}
