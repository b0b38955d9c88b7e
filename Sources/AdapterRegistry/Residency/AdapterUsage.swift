import Adapters
import Foundation

/// What has become of one adapter in this process.
package struct AdapterUsage: Sendable, Equatable {
    /// Memory its current version takes, or is about to take.
    package var residentBytes = 0
    /// Of an SAE: which of its hookpoints are in memory, in the order of the forward pass.
    package var loadedHookpoints: [HookPoint] = []
    /// It stays in memory, whichever version its name means.
    package var isPinned = false
    /// Requests that use it now, of any version.
    package var requests = 0
    /// Requests that have used it.
    package var uses = 0
    package var lastUsed: Date?

    package init() {}
}

/// What residency has cost, for the metrics page.
package struct AdapterStatistics: Sendable, Equatable {
    /// Adapters in memory, a hookpoint of an SAE each; versions that only requests in flight still use among them.
    package var loaded = 0
    package var loading = 0
    package var pinned = 0
    /// Requests that use an adapter, once for each adapter.
    package var uses = 0
    /// Memory, what is about to be loaded included, and how much of it there may be.
    package var bytes = 0
    package var pinnedBytes = 0
    package var usedBytes = 0
    package var limit = 0
    package var loads = 0
    package var loadFailures = 0
    package var loadedBytes = 0
    package var loadSeconds = 0.0
    package var evictions = 0
    package var evictedBytes = 0
    /// Requests turned away because there was no room.
    package var refusals = 0

    package init() {}
}
