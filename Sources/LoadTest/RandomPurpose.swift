import Measuring

extension SplitMix64 {
    /// The generator of one purpose and one request, so that what a request asks does not depend on the order in which requests ended.
    package init(seed: UInt64, purpose: Purpose, index: Int) {
        var mixer = SplitMix64(seed: seed ^ (purpose.rawValue &* 0xD1B5_4A32_D192_ED03))
        var generator = SplitMix64(seed: mixer.next() &+ UInt64(bitPattern: Int64(index)) &* 0xA24B_AED4_963E_E407)
        self.init(seed: generator.next())
    }

    package enum Purpose: UInt64, Sendable {
        case arrivals = 1
        case adapter
        case prompt
        case prefix
        case prefixChoice
    }
}
