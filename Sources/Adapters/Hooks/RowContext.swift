/// What an intervention may know about one row of the batch plan.
package struct RowContext: BitwiseCopyable {
    /// Absolute position of the row's token in its sequence, from 0.
    package var position: Int32
    /// Tokens of the sequence's prompt: the row belongs to the prompt when `position < promptLength`.
    package var promptLength: Int32
    /// Index of the row in the whole batch plan, under which observations are collected.
    package var row: Int32
    /// The token stands between `<think>` and `</think>`.
    package var isInsideThink: Bool
    /// A bit for each condition of the row's adapter set that holds at this row, set as the pass reaches them.
    package var conditions: UInt32 = 0
    /// The row's activations have left what numbers can hold, so nothing that follows from them means anything. Set by the pass.
    package var isBroken = false
    /// The sums of its sequence, one for each splice of the adapter set; nil when the row has been counted before, or nobody counts.
    package var fits: UnsafeMutablePointer<SpliceFit>?

    package init(
        position: Int32, promptLength: Int32, row: Int32, isInsideThink: Bool = false, fits: UnsafeMutablePointer<SpliceFit>? = nil
    ) {
        self.position = position
        self.promptLength = promptLength
        self.row = row
        self.isInsideThink = isInsideThink
        self.fits = fits
    }
}
