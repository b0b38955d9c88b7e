/// The use of one loaded adapter by one request: as long as it lives, the adapter is not evicted.
final class AdapterLease: Sendable {
    private let key: LoadKey
    private let slot: Int
    private let residency: AdapterResidency

    /// Takes over a use that `residency` has counted already.
    init(_ key: LoadKey, slot: Int, of residency: AdapterResidency) {
        (self.key, self.slot, self.residency) = (key, slot, residency)
    }

    deinit { residency.release(key, slot: slot) }
}
