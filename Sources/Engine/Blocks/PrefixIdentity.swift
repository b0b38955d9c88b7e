import Models

/// What decides a block's keys and values beside the tokens up to its end: everything upstream that could have changed them.
///
/// It speaks for all layers of a block at once. What the lower layers alone hold, which adapters may leave alone, `ResidualCache` keeps.
struct PrefixIdentity: Equatable, BitwiseCopyable {
    /// Number of the adapters' key in `AdapterKeyTable`.
    let adapters: Int32
    /// How many tokens of the block belong to the prompt; 0 for adapters that treat prompt and generated tokens alike, so that an
    /// answer's blocks serve the next turn, whose prompt it is part of.
    let promptTokens: Int32

    /// The identity of block number `index` of a sequence.
    init(of sequence: SequenceHandle, block index: Int) {
        adapters = sequence.adapterKey
        let rest = sequence.promptLengthForAdapters - index * KVBlock.tokens
        promptTokens = sequence.distinguishesPrompt ? Int32(min(max(rest, 0), KVBlock.tokens)) : 0
    }

    init(adapters: Int32, promptTokens: Int32) {
        self.adapters = adapters
        self.promptTokens = promptTokens
    }
}

/// Gives equal adapter keys equal numbers for as long as a sequence or a cached block uses them, so that blocks compare numbers
/// where keys are strings that clients choose.
struct AdapterKeyTable {
    private var numbers: [String: Int32] = [:]
    private var entries: [(key: String, users: Int)] = []
    private var unused: [Int32] = []

    var count: Int { numbers.count }

    /// The key's number, with one user more.
    mutating func use(_ key: String) -> Int32 {
        if let number = numbers[key] {
            entries[Int(number)].users += 1
            return number
        }
        let number = unused.popLast() ?? Int32(entries.count)
        if Int(number) == entries.count { entries.append((key, 1)) } else { entries[Int(number)] = (key, 1) }
        numbers[key] = number
        return number
    }

    mutating func addUser(_ number: Int32) { entries[Int(number)].users += 1 }

    mutating func removeUser(_ number: Int32) {
        entries[Int(number)].users -= 1
        guard entries[Int(number)].users == 0 else { return }
        numbers[entries[Int(number)].key] = nil
        entries[Int(number)].key = ""
        unused.append(number)
    }
}
