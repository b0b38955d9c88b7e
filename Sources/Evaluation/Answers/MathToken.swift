/// A piece of an answer as it is written.
struct MathToken: Equatable, Sendable {
    enum Kind: Hashable, Sendable {
        /// One digit; TeX takes arguments a digit at a time (`\frac43`).
        case digit(Character)
        /// One letter: a variable.
        case letter(Character)
        /// `\frac` without its backslash; a few names and signs of plain text (`sqrt`, `pi`, `≤`) come as the command they mean.
        case command(String)
        /// A word, or what stands in `\text{...}`: lowercase, single blanks.
        case words(String)
        /// Any other character: operators, brackets, separators.
        case sign(Character)
    }

    var kind: Kind
    /// White space stands before it.
    var isSpaced: Bool
}

extension MathToken {
    /// A unit may follow.
    var endsNumber: Bool {
        switch kind {
        case .digit, .sign("}"), .sign(")"): true
        default: false
        }
    }
}
