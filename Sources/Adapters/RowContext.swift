/// What an intervention may know about one row of the batch plan.
package struct RowContext: Sendable {
    /// Absolute position of the row's token in its sequence, from 0.
    package var position: Int32
    /// Tokens of the sequence's prompt: the row belongs to the prompt when `position < promptLength`.
    package var promptLength: Int32
    /// Index of the row in the whole batch plan, under which observations are collected.
    package var row: Int32

    package init(position: Int32, promptLength: Int32, row: Int32) {
        self.position = position
        self.promptLength = promptLength
        self.row = row
    }
}
