import Synchronization

/// All that one call of `encode` writes besides its result.
///
/// `@unchecked Sendable`: whoever has taken one from its `EncodingMemoryPool` is the only one to hold it until it is given back.
final class EncodingMemory: @unchecked Sendable {
    let match = MatchMemory()
    let merge = MergeScratch()
    let cache = WordCache()
}

/// Keeps the memory of finished calls for the next ones: a lock is held for an instant before and after a call, never during it.
final class EncodingMemoryPool: Sendable {
    /// About one megabyte each.
    private static let kept = 16
    private let free = Mutex<[EncodingMemory]>([])

    func with<Result>(_ body: (EncodingMemory) -> Result) -> Result {
        let memory = free.withLock { $0.popLast() } ?? EncodingMemory()
        defer { free.withLock { if $0.count < Self.kept { $0.append(memory) } } }
        return body(memory)
    }
}
