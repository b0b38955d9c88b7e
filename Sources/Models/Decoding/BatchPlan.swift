import Adapters
import Tensors

/// What one pass computes: a list of rows, each one token at one position of one sequence.
///
/// Rows of one adapter set are contiguous (a *segment*): base weights multiply all rows at once, adapters run per segment.
///
/// Rows may enter the decoder above the bottom, when the keys and values of the layers below are in the cache already: with the residual
/// stream as it was before that layer. Rows stand in the order in which they enter, so that a layer always works on the first rows of
/// the plan. The plan borrows block tables and adapter sets from its sequences, which must outlive the pass. Its lists are plain memory that is
/// kept from step to step: a step of no more rows than the largest before allocates nothing, and reading them counts no reference.
package final class BatchPlan {
    /// Contiguous rows that share an adapter set.
    package struct Segment {
        package var rows: Range<Int>
        /// Owned by the sequences.
        package unowned(unsafe) let adapters: AdapterSet
        /// Of the set.
        package let loras: LoRATable
        /// Whether the set has LoRA updates, and whether it does anything at hookpoints.
        package let isAdapted: Bool
        package let isHooked: Bool
        fileprivate let key: PlainKey
    }

    /// Contiguous rows that enter at one layer.
    package struct Entrance {
        package let layer: Int
        package var rows: Range<Int>
    }

    /// An order to copy the residual stream of some rows as it is after `layer` blocks (or what an MLP puts out), before what hooks into it there.
    package struct ResidualCopy {
        package let rows: Range<Int>
        package let layer: Int
        /// `[rows, hidden]`
        package let target: UnsafeMutablePointer<Float>
    }

    private let tokenList = PlainList<Int32>()
    private let positionList = PlainList<Int32>()
    private let attentionList = PlainList<AttentionRow>()
    private let contextList = PlainList<RowContext>()
    private let segmentList = PlainList<Segment>()
    private let outputList = PlainList<Int>()
    private let entranceList = PlainList<Entrance>()
    private let residualList = PlainList<UnsafePointer<Float>>()
    private let copyList = PlainList<ResidualCopy>()
    private let outputCopyList = PlainList<ResidualCopy>()

    /// Collects what observing interventions read; rows are rows of this plan. Whoever fills the plan calls `begin` and `want`.
    package let observations = ObservationSink()

    package init() {}

    package var rowCount: Int { tokenList.count }

    package var tokens: UnsafeBufferPointer<Int32> { tokenList.elements }
    package var positions: UnsafeBufferPointer<Int32> { positionList.elements }
    package var attention: UnsafeBufferPointer<AttentionRow> { attentionList.elements }
    /// What interventions may know of each row; conditions are noted here during the pass.
    package var contexts: UnsafeMutableBufferPointer<RowContext> { UnsafeMutableBufferPointer(mutating: contextList.elements) }
    package var segments: UnsafeBufferPointer<Segment> { segmentList.elements }

    /// Rows whose hidden states the caller wants back, in this order.
    package var outputRows: UnsafeBufferPointer<Int> { outputList.elements }

    /// Where rows enter the decoder, in ascending order of layers and rows.
    package var entrances: UnsafeBufferPointer<Entrance> { entranceList.elements }

    /// What the last rows of the plan, as many as there are elements, enter with: residual streams `[hidden]`.
    package var residuals: UnsafeBufferPointer<UnsafePointer<Float>> { residualList.elements }

    package var residualCopies: UnsafeBufferPointer<ResidualCopy> { copyList.elements }

    /// Orders to copy what the MLP of block `layer` puts out, before what hooks into it there.
    package var outputCopies: UnsafeBufferPointer<ResidualCopy> { outputCopyList.elements }

    /// Blocks that are run; a pass that is made for its copies need not run those above. With fewer than all of them no row wants output.
    package var layerLimit = Int.max

    /// Rows that have entered when `layers` blocks are done.
    package func rowsEntered(after layers: Int) -> Int {
        var rows = 0
        for entrance in entrances where entrance.layer <= layers { rows = entrance.rows.upperBound }
        return rows
    }

    package func removeAll() {
        tokenList.removeAll()
        positionList.removeAll()
        attentionList.removeAll()
        contextList.removeAll()
        segmentList.removeAll()
        outputList.removeAll()
        entranceList.removeAll()
        residualList.removeAll()
        copyList.removeAll()
        outputCopyList.removeAll()
        layerLimit = .max
    }

    /// Adds one token as the next row and returns its index.
    ///
    /// - Parameters:
    ///   - position: absolute position in its sequence; the row attends to `0...position`.
    ///   - blockTable: KV block of every 32 positions of the sequence; must cover `position`.
    ///   - adapters: kept alive by the caller until the pass is over.
    ///   - isInsideThink: the token stands between `<think>` and `</think>`.
    ///   - fits: sums of its sequence that the row's splices are to be added to.
    ///   - wantsOutput: whether the hidden state of this row is returned.
    ///   - layer: blocks that are done already, no fewer than those of the row before.
    ///   - residual: with `layer` above 0, the residual stream `[hidden]` after those blocks; must stay until the pass is over.
    @discardableResult
    package func append(
        token: Int32, position: Int, promptLength: Int, blockTable: UnsafePointer<Int32>, adapters: AdapterSet, wantsOutput: Bool,
        isInsideThink: Bool = false, fits: UnsafeMutablePointer<SpliceFit>? = nil, enteringAt layer: Int = 0,
        with residual: UnsafePointer<Float>? = nil
    ) -> Int {
        let row = tokenList.count
        let entersWithOthers = enter(row, at: layer, with: residual)
        tokenList.append(token)
        positionList.append(Int32(position))
        attentionList.append(AttentionRow(position: Int32(position), blockTable: blockTable))
        contextList.append(
            RowContext(
                position: Int32(position), promptLength: Int32(promptLength), row: Int32(row), isInsideThink: isInsideThink, fits: fits))
        let last = segmentList.count - 1
        if last >= 0, entersWithOthers, segmentList[last].key.isEqual(to: adapters.plainKey) {
            segmentList[last].rows = segmentList[last].rows.lowerBound..<(row + 1)
        } else {
            let loras = adapters.loraTable
            segmentList.append(
                Segment(
                    rows: row..<(row + 1), adapters: adapters, loras: loras, isAdapted: !loras.isEmpty, isHooked: adapters.isHooked,
                    key: adapters.plainKey))
        }
        if wantsOutput { outputList.append(row) }
        return row
    }

    /// Whether the row before enters at the same layer.
    private func enter(_ row: Int, at layer: Int, with residual: UnsafePointer<Float>?) -> Bool {
        precondition((layer > 0) == (residual != nil), "row \(row) enters at layer \(layer), with a residual only above 0")
        if let residual { residualList.append(residual) }
        let last = entranceList.count - 1
        guard last >= 0, entranceList[last].layer == layer else {
            precondition(last < 0 || entranceList[last].layer < layer, "row \(row) enters at layer \(layer), after one that enters higher")
            entranceList.append(Entrance(layer: layer, rows: row..<(row + 1)))
            return false
        }
        entranceList[last].rows = entranceList[last].rows.lowerBound..<(row + 1)
        return true
    }

    /// Asks for a copy of the residual stream of `rows` after `layer` blocks, at `target` `[rows, hidden]`.
    package func copyResiduals(of rows: Range<Int>, after layer: Int, to target: UnsafeMutablePointer<Float>) {
        copyList.append(ResidualCopy(rows: rows, layer: layer, target: target))
    }

    /// Asks for a copy of what is read at `hookpoint` of `rows`, at `target` `[rows, hidden]`.
    package func copyActivations(of rows: Range<Int>, at hookpoint: HookPoint, to target: UnsafeMutablePointer<Float>) {
        switch hookpoint {
        case .residual(let layer): copyResiduals(of: rows, after: layer + 1, to: target)
        case .mlp(let layer): outputCopyList.append(ResidualCopy(rows: rows, layer: layer, target: target))
        }
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
