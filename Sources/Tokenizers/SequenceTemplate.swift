/// The fixed tokens around an encoded text, such as the beginning-of-sequence token.
struct SequenceTemplate: Sendable, Equatable {
    var prefix: [Int32] = []
    var suffix: [Int32] = []
}
