import TestSupport
import Testing

/// One run of the reference: the tokens of one sequence and the adapters that acted on it (`Tests/Reference/goldens_models.py`).
struct ReferenceCase: Decodable, Sendable, CustomTestStringConvertible {
    var name: String
    var tokens: [Int32]
    var adapters: [ReferenceAdapter]
    var promptLength: Int
    /// `all`, or `last`: which positions the reference kept.
    var positions: String
    /// Ids of the tokens that open and close `<think>`.
    var think: [Int32]?

    var testDescription: String { name }
}
