import Adapters
import Tensors

/// What one pass computes: a list of rows, each one token at one position of one sequence.
///
/// Rows of one adapter set are contiguous (a *segment*): base weights multiply all rows at once, adapters run per segment.
/// The plan borrows block tables and adapter sets from its sequences, which must outlive the pass. Its lists are plain memory that is
/// kept from step to step: a step of no more rows than the largest before allocates nothing, and reading them counts no reference.
package final class BatchPlan {
    /// Contiguous rows that share an adapter set.
    package struct Segment {
        package var rows: Range<Int>
        /// Owned by the sequences.
        package unowned(unsafe) let adapters: AdapterSet
        /// Nothing is applied to these rows.
        package let isBase: Bool
    }

    private let tokenList = PlainList<Int32>()
    private let positionList = PlainList<Int32>()
    private let attentionList = PlainList<AttentionRow>()
    private let contextList = PlainList<RowContext>()
    private let segmentList = PlainList<Segment>()
    private let outputList = PlainList<Int>()

    /// Collects what observing interventions read; rows are rows of this plan. Whoever fills the plan calls `begin` and `want`.
    package let observations = ObservationSink()

    package init() {}

    package var rowCount: Int { tokenList.count }

    package var tokens: UnsafeBufferPointer<Int32> { tokenList.elements }
    package var positions: UnsafeBufferPointer<Int32> { positionList.elements }
    package var attention: UnsafeBufferPointer<AttentionRow> { attentionList.elements }
    package var contexts: UnsafeBufferPointer<RowContext> { contextList.elements }
    package var segments: UnsafeBufferPointer<Segment> { segmentList.elements }

    /// Rows whose hidden states the caller wants back, in this order.
    package var outputRows: UnsafeBufferPointer<Int> { outputList.elements }

    package func removeAll() {
        tokenList.removeAll()
        positionList.removeAll()
        attentionList.removeAll()
        contextList.removeAll()
        segmentList.removeAll()
        outputList.removeAll()
    }

    /// Adds one token as the next row and returns its index.
    ///
    /// - Parameters:
    ///   - position: absolute position in its sequence; the row attends to `0...position`.
    ///   - blockTable: KV block of every 32 positions of the sequence; must cover `position`.
    ///   - adapters: kept alive by the caller until the pass is over.
    ///   - wantsOutput: whether the hidden state of this row is returned.
    @discardableResult
    package func append(
        token: Int32, position: Int, promptLength: Int, blockTable: UnsafePointer<Int32>, adapters: AdapterSet, wantsOutput: Bool
    ) -> Int {
        let row = tokenList.count
        tokenList.append(token)
        positionList.append(Int32(position))
        attentionList.append(AttentionRow(position: Int32(position), blockTable: blockTable))
        contextList.append(RowContext(position: Int32(position), promptLength: Int32(promptLength), row: Int32(row)))
        let last = segmentList.count - 1
        if last >= 0, segmentList[last].adapters === adapters || segmentList[last].adapters.key == adapters.key {
            segmentList[last].rows = segmentList[last].rows.lowerBound..<(row + 1)
        } else {
            segmentList.append(Segment(rows: row..<(row + 1), adapters: adapters, isBase: adapters.isEmpty))
        }
        if wantsOutput { outputList.append(row) }
        return row
    }
}

/// A list of plain values (nothing to release) in memory of its own, which it keeps when it is emptied.
private final class PlainList<Element> {
    private(set) var count = 0
    private var capacity = 64
    private var storage = UnsafeMutablePointer<Element>.allocate(capacity: 64)

    deinit { storage.deallocate() }

    /// Valid until the list grows.
    var elements: UnsafeBufferPointer<Element> { UnsafeBufferPointer(start: storage, count: count) }

    subscript(index: Int) -> Element {
        get { storage[index] }
        set { storage[index] = newValue }
    }

    func removeAll() { count = 0 }

    func append(_ element: Element) {
        if count == capacity { grow() }
        storage[count] = element
        count += 1
    }

    private func grow() {
        let wider = UnsafeMutablePointer<Element>.allocate(capacity: 2 * capacity)
        wider.update(from: storage, count: count)
        storage.deallocate()
        storage = wider
        capacity *= 2
    }
}
