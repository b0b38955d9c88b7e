/// The two tokens that enclose a model's reasoning. A token is inside when the last of the two before it opens; neither of them is inside
/// itself. So it depends on the tokens before it alone, whether they are the prompt's or generated: a template that ends a prompt in
/// `<think>` and a line break puts that line break and all that follows inside.
package struct ThinkTags: BitwiseCopyable, Sendable, Equatable {
    package static let opening = "<think>"
    package static let closing = "</think>"

    package let open: Int32
    package let close: Int32

    package init(open: Int32, close: Int32) {
        self.open = open
        self.close = close
    }

    /// Whether the next token of a sequence is inside.
    /// - Parameter isOpen: whether the last tag before it opens; false at the start. Set for the token after it.
    @inline(__always)
    package func read(_ token: Int32, isOpen: inout Bool) -> Bool {
        if token == open || token == close {
            isOpen = token == open
            return false
        }
        return isOpen
    }
}
