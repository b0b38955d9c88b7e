import Checkpoints
import Foundation
import JSONText

/// A BPE tokenizer, byte-level or with SentencePiece's spaces. Immutable; may be used from any number of threads at once.
package final class Tokenizer: Sendable {
    let vocabulary: Vocabulary
    let encoder: BytePairEncoder
    let normalizer: Normalizer
    let preTokenizer: PreTokenizer
    let decoder: TokenDecoder
    /// Where words may be cut before they are merged; nil where they are taken whole.
    private let cuts: WordCuts?
    let template: SequenceTemplate
    /// Looked for in the text as given, and in the normalised text.
    private let givenTokens: AddedTokens
    private let normalizedTokens: AddedTokens
    /// By id.
    private let isSpecial: [Bool]
    private let memories = EncodingMemoryPool()

    /// The beginning-of-sequence token, if the model has one.
    package let bosToken: Int32?
    /// The end-of-sequence token, if the model has one. A model may end its answers with other tokens too.
    package let eosToken: Int32?
    /// How `bosToken` and `eosToken` are written in a chat template; empty when there is none.
    package let bosText: String
    package let eosText: String

    /// What a reader of a file format found.
    struct Parts {
        var vocabulary: Vocabulary
        var encoder: BytePairEncoder
        var normalizer: Normalizer
        var preTokenizer: PreTokenizer
        var decoder = TokenDecoder.byteLevel
        var cuts: WordCuts?
        var template: SequenceTemplate
        var added: [AddedTokens.Token]
        var bos: String?
        var eos: String?
    }

    init(_ parts: Parts) {
        vocabulary = parts.vocabulary
        encoder = parts.encoder
        normalizer = parts.normalizer
        preTokenizer = parts.preTokenizer
        decoder = parts.decoder
        cuts = parts.cuts
        template = parts.template
        givenTokens = AddedTokens(parts.added.filter { !$0.normalized })
        normalizedTokens = AddedTokens(
            parts.added.filter(\.normalized).map {
                var token = $0
                token.content = parts.normalizer.normalize($0.content)
                return token
            })
        var isSpecial = [Bool](repeating: false, count: parts.vocabulary.count)
        for token in parts.added where token.special { isSpecial[Int(token.id)] = true }
        self.isSpecial = isSpecial
        bosText = parts.bos ?? ""
        eosText = parts.eos ?? ""
        bosToken = parts.bos.flatMap(parts.vocabulary.id(ofName:))
        eosToken = parts.eos.flatMap(parts.vocabulary.id(ofName:))
    }

    /// The tokenizer of a model on disk.
    /// - Throws: `TokenizerError`, or `CheckpointError` when a file cannot be read.
    package static func open(_ checkpoint: Checkpoint) throws -> Tokenizer {
        switch checkpoint {
        case .gguf(let file):
            return try Tokenizer(gguf: file)
        case .huggingFace(let folder):
            guard let path = folder.tokenizerJSON else { throw TokenizerError.noTokenizer(folder.url.path) }
            return try Tokenizer(json: JSON(file: path), declared: folder.declaredTokens)
        }
    }

    /// One more than the highest token id.
    package var vocabSize: Int { vocabulary.count }

    /// Whether `encode` puts the beginning-of-sequence token first when it adds special tokens.
    package var addBOS: Bool { bosToken.map(template.prefix.contains) ?? false }

    /// Whether the id stands for a token.
    package func contains(_ id: Int32) -> Bool { vocabulary.contains(id) }

    /// Whether `decode` leaves the token out when it skips special tokens.
    package func isSpecial(_ id: Int32) -> Bool { isSpecial.indices.contains(Int(id)) && isSpecial[Int(id)] }

    /// The token of this name, as `tokenizer.json` writes it: `Ġthe`, `<think>`.
    package func id(of token: String) -> Int32? { vocabulary.id(ofName: token) }

    /// The token's name, for display; empty when there is no such token.
    package func piece(_ id: Int32) -> String { vocabulary.name(of: id) ?? "" }

    /// What the token decodes to; it may begin or end inside a character. Empty when there is no such token.
    package func bytes(of id: Int32) -> [UInt8] { vocabulary.contains(id) ? Array(vocabulary.arena[Int(id)]) : [] }

    /// The tokens of `text`.
    /// - Parameters:
    ///   - addSpecialTokens: puts the fixed tokens of the model around the text, such as the beginning-of-sequence token.
    ///   - parseSpecial: turns special tokens written in the text into their ids; false keeps them text, as for words of a user.
    ///     Added tokens that are not special (`<think>`) are found either way.
    /// - Complexity: O(n log n) whatever the text.
    package func encode(_ text: String, addSpecialTokens: Bool = true, parseSpecial: Bool = true) -> [Int32] {
        var text = text
        return text.withUTF8 { encode(valid: $0, addSpecialTokens, parseSpecial) }
    }

    /// The tokens of text given as UTF-8. Ill-formed sequences count as U+FFFD, one for each maximal part of a character
    /// (Unicode 3.9, and Python's `errors="replace"`).
    package func encode(bytes: some Sequence<UInt8>, addSpecialTokens: Bool = true, parseSpecial: Bool = true) -> [Int32] {
        encode(String(decoding: Array(bytes), as: UTF8.self), addSpecialTokens: addSpecialTokens, parseSpecial: parseSpecial)
    }

    private func encode(valid text: UnsafeBufferPointer<UInt8>, _ addSpecialTokens: Bool, _ parseSpecial: Bool) -> [Int32] {
        var output: [Int32] = []
        output.reserveCapacity(text.count / 3 + 8)
        if addSpecialTokens { output.append(contentsOf: template.prefix) }
        memories.with { memory in
            givenTokens.forEachPiece(of: text, parseSpecial: parseSpecial) { piece in
                if let token = piece.token {
                    output.append(token)
                    return
                }
                let part = UnsafeBufferPointer(rebasing: text[piece.range])
                if let normal = normalizer.normalize(part) {
                    normal.withUnsafeBufferPointer {
                        encode(normalized: $0, isStart: piece.range.lowerBound == 0, parseSpecial, memory, into: &output)
                    }
                } else {
                    encode(normalized: part, isStart: piece.range.lowerBound == 0, parseSpecial, memory, into: &output)
                }
            }
        }
        if addSpecialTokens { output.append(contentsOf: template.suffix) }
        return output
    }

    private func encode(
        normalized text: UnsafeBufferPointer<UInt8>, isStart: Bool, _ parseSpecial: Bool, _ memory: EncodingMemory,
        into output: inout [Int32]
    ) {
        normalizedTokens.forEachPiece(of: text, parseSpecial: parseSpecial) { piece in
            if let token = piece.token {
                output.append(token)
            } else {
                let part = UnsafeBufferPointer(rebasing: text[piece.range])
                preTokenizer.forEachWord(of: part, isStart: isStart && piece.range.lowerBound == 0, memory.match) { word in
                    if let cuts {
                        cuts.forEachPiece(of: word) { append($0, memory, to: &output) }
                    } else {
                        append(word, memory, to: &output)
                    }
                }
            }
        }
    }

    @inline(__always)
    private func append(_ word: UnsafeBufferPointer<UInt8>, _ memory: EncodingMemory, to output: inout [Int32]) {
        guard word.count <= WordCache.longestWord else {
            return encoder.encode(word, vocabulary: vocabulary, scratch: memory.merge, into: &output)
        }
        let key = WordCache.Key(word)
        if memory.cache.append(key, to: &output) { return }
        let start = output.count
        encoder.encode(word, vocabulary: vocabulary, scratch: memory.merge, into: &output)
        memory.cache.store(key, output[start...])
    }

    /// The text of `ids`, as a text of its own: the space that SentencePiece puts before a text is not part of it. Ill-formed UTF-8 becomes
    /// U+FFFD, ids without a token are left out.
    package func decode(_ ids: some Sequence<Int32>, skipSpecialTokens: Bool = false) -> String {
        if !decoder.isByteLevel { return String(decoding: decodeNames(ids, skipSpecialTokens: skipSpecialTokens), as: UTF8.self) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(ids.underestimatedCount * 4)
        for id in ids where !(skipSpecialTokens && isSpecial(id)) && vocabulary.contains(id) {
            vocabulary.arena.withBytes(of: Int(id)) { bytes.append(contentsOf: $0) }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
