import Adapters
import Foundation

/// The books of `AdapterResidency`: what is in memory, who uses it, and what has to go. Every change is one method.
///
/// The sum of all bytes stays at or below the limit, except for as long as an adapter turns out larger than its headers told, or the limit
/// was lowered while its adapters were in use.
struct ResidencyState {
    enum Content {
        case loading(Task<Result<LoadedAdapter, AdapterError>, Never>)
        case loaded(LoadedAdapter)
    }

    struct Slot {
        let id: Int
        var content: Content
        /// Reserved while loading, then as it is.
        var bytes: Int
        /// Requests that use it or wait for it; at least one while it loads.
        var requests = 1
        /// When it was last used, in uses of anything.
        var tick: Int
        /// Its name means something else now, or it was unloaded: it goes with its last request.
        var isRetired = false
    }

    struct History {
        var uses = 0
        var lastUsed: Date?
    }

    /// What to do for somebody who wants an adapter.
    enum Entered {
        case loaded(LoadedAdapter, slot: Int)
        case loading(Task<Result<LoadedAdapter, AdapterError>, Never>, slot: Int)
        case refused(AdapterError)
    }

    var limit: Int
    private(set) var slots: [LoadKey: Slot] = [:]
    private(set) var pins: Set<String> = []
    private var histories: [String: History] = [:]
    private var ticks = 0
    private var lastID = 0
    private var counts = AdapterStatistics()

    init(limit: Int) { self.limit = limit }

    private var bytes: Int { slots.values.reduce(0) { $0 + $1.bytes } }

    private func isPinned(_ key: LoadKey, _ slot: Slot) -> Bool { !slot.isRetired && pins.contains(key.name) }

    /// Counts a use of the adapter; when it is neither there nor on its way, reserves its memory and starts to load it.
    /// - Parameters:
    ///   - bytes: what it will take, as its headers tell.
    ///   - isRequest: whether a request wants it, and not somebody who loads ahead.
    ///   - evicted: gets what had to go; let go of it outside of any lock.
    mutating func enter(
        _ key: LoadKey, bytes: Int, isRequest: Bool, evicted: inout [LoadedAdapter],
        load: (_ slot: Int) -> Task<Result<LoadedAdapter, AdapterError>, Never>
    ) -> Entered {
        ticks += 1
        if isRequest {
            histories[key.name, default: History()].uses += 1
            histories[key.name]?.lastUsed = Date()
        }
        if var slot = slots[key] {
            slot.requests += 1
            slot.tick = ticks
            slot.isRetired = false
            slots[key] = slot
            switch slot.content {
            case .loaded(let adapter): return .loaded(adapter, slot: slot.id)
            case .loading(let task): return .loading(task, slot: slot.id)
            }
        }
        if let refusal = refusal(key, bytes) {
            if isRequest { counts.refusals += 1 }
            return .refused(refusal)
        }
        evict(for: bytes, into: &evicted)
        lastID += 1
        let task = load(lastID)
        slots[key] = Slot(id: lastID, content: .loading(task), bytes: bytes, tick: ticks)
        return .loading(task, slot: lastID)
    }

    /// Why there can be no room for so many bytes; nil when there can.
    private func refusal(_ key: LoadKey, _ bytes: Int) -> AdapterError? {
        guard bytes <= limit else { return .tooLarge(adapter: key.name, bytes: bytes, limit: limit) }
        var (used, pinned) = (0, 0)
        for (key, slot) in slots {
            if slot.requests > 0 { used += slot.bytes } else if isPinned(key, slot) { pinned += slot.bytes }
        }
        guard used + pinned + bytes > limit else { return nil }
        return .noRoom(adapter: key.name, bytes: bytes, used: used, pinned: pinned, limit: limit)
    }

    /// Evicts what was not used for longest, of what nobody uses or has pinned, until so many bytes more fit or nothing is left to evict.
    private mutating func evict(for more: Int, into evicted: inout [LoadedAdapter]) {
        var total = bytes + more
        guard total > limit else { return }
        let candidates = slots.filter { $0.value.requests == 0 && !isPinned($0.key, $0.value) }.sorted { $0.value.tick < $1.value.tick }
        for (key, slot) in candidates {
            guard total > limit else { return }
            total -= slot.bytes
            counts.evictions += 1
            counts.evictedBytes += slot.bytes
            remove(key, into: &evicted)
        }
    }

    private mutating func remove(_ key: LoadKey, into evicted: inout [LoadedAdapter]) {
        if case .loaded(let adapter)? = slots.removeValue(forKey: key)?.content { evicted.append(adapter) }
    }

    /// A load has ended. A failed one leaves nothing: the next request tries again.
    mutating func finish(
        _ key: LoadKey, slot id: Int, _ result: Result<LoadedAdapter, AdapterError>, seconds: Double, evicted: inout [LoadedAdapter]
    ) {
        guard slots[key]?.id == id else { return }
        switch result {
        case .success(let adapter):
            counts.loads += 1
            counts.loadedBytes += adapter.bytes
            counts.loadSeconds += seconds
            slots[key]?.content = .loaded(adapter)
            slots[key]?.bytes = adapter.bytes
            evict(for: 0, into: &evicted)
        case .failure:
            counts.loadFailures += 1
            slots[key] = nil
        }
    }

    /// A request has ended.
    mutating func release(_ key: LoadKey, slot id: Int, evicted: inout [LoadedAdapter]) {
        guard var slot = slots[key], slot.id == id else { return }
        ticks += 1
        slot.requests -= 1
        slot.tick = ticks
        slots[key] = slot
        if slot.requests == 0, slot.isRetired { remove(key, into: &evicted) }
        evict(for: 0, into: &evicted)
    }

    /// Lets go of all versions of an adapter that `isWanted` does not want: now, or with their last requests.
    /// - Returns: whether there were any.
    @discardableResult
    mutating func retire(evicted: inout [LoadedAdapter], unless isWanted: (LoadKey) -> Bool) -> Bool {
        var isAny = false
        for (key, slot) in slots {
            let wanted = isWanted(key)
            slots[key]?.isRetired = !wanted
            guard !wanted else { continue }
            isAny = true
            if slot.requests == 0 { remove(key, into: &evicted) }
        }
        return isAny
    }

    mutating func pin(_ name: String) { pins.insert(name) }

    mutating func unpin(_ name: String, evicted: inout [LoadedAdapter]) {
        pins.remove(name)
        evict(for: 0, into: &evicted)
    }

    mutating func limit(_ bytes: Int, evicted: inout [LoadedAdapter]) {
        limit = bytes
        evict(for: 0, into: &evicted)
    }

    /// Forgets pins and histories of names that are no adapters' any more.
    mutating func forget(unless isKnown: (String) -> Bool) {
        pins = pins.filter(isKnown)
        histories = histories.filter { isKnown($0.key) }
    }

    /// - Returns: what is known of an adapter, and whether anything of that version is in memory or on its way.
    func usage(_ name: String, digest: String?) -> (usage: AdapterUsage, isLoaded: Bool, isLoading: Bool) {
        var usage = AdapterUsage()
        var (isLoaded, isLoading) = (false, false)
        for (key, slot) in slots where key.name == name {
            usage.requests += slot.requests
            guard key.digest == digest, !slot.isRetired else { continue }
            usage.residentBytes += slot.bytes
            if case .loaded = slot.content {
                isLoaded = true
                if let hookpoint = key.hookpoint { usage.loadedHookpoints.append(hookpoint) }
            } else {
                isLoading = true
            }
        }
        usage.loadedHookpoints.sort()
        usage.isPinned = pins.contains(name)
        (usage.uses, usage.lastUsed) = (histories[name]?.uses ?? 0, histories[name]?.lastUsed)
        return (usage, isLoaded, isLoading)
    }

    var statistics: AdapterStatistics {
        var statistics = counts
        statistics.limit = limit
        for (key, slot) in slots {
            if case .loaded = slot.content { statistics.loaded += 1 } else { statistics.loading += 1 }
            statistics.bytes += slot.bytes
            statistics.uses += slot.requests
            if slot.requests > 0 { statistics.usedBytes += slot.bytes }
            guard isPinned(key, slot) else { continue }
            statistics.pinned += 1
            statistics.pinnedBytes += slot.bytes
        }
        return statistics
    }
}
