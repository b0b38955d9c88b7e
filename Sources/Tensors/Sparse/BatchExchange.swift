/// How parts of a batch that are computed apart, by several processes say, come together. Collective: every part makes the same calls in the
/// same order. Sums have the same bits in all parts.
package protocol BatchExchange: AnyObject {
    /// This part's number, from 0.
    var rank: Int { get }
    /// The numbers of all parts by rank.
    func gather(_ own: Int) -> [Int]
    /// Every part's values become the sum of all parts'.
    func sum(_ values: inout [Double])
    /// Fills `[rows, width]`, of which each part has written its own rows: those of part 0 first.
    /// - Parameter rows: of each part.
    func gather<Element: BitwiseCopyable>(_ matrix: UnsafeMutablePointer<Element>, rows: [Int], width: Int)
}

/// A batch in one piece: exchanges are no work at all.
package final class WholeBatch: BatchExchange {
    package init() {}

    package var rank: Int { 0 }
    package func gather(_ own: Int) -> [Int] { [own] }
    package func sum(_ values: inout [Double]) {}
    package func gather<Element: BitwiseCopyable>(_ matrix: UnsafeMutablePointer<Element>, rows: [Int], width: Int) {}
}
