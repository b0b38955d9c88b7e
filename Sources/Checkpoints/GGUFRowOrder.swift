/// The order in which GGUF files of `llama` store the rows of Q and K: each head's two halves interleaved, for rotary pairs of neighbours.
/// Source: llama.cpp's conversion (`permute`).
package enum GGUFRowOrder {
    /// Where row `row` of a projection lies, for heads of `headRows` rows: row `half * headRows / 2 + i` of a head at `2i + half`.
    package static func stored(_ row: Int, headRows: Int) -> Int {
        let (head, inHead) = row.quotientAndRemainder(dividingBy: headRows)
        let (half, pair) = inHead.quotientAndRemainder(dividingBy: headRows / 2)
        return head * headRows + 2 * pair + half
    }
}
