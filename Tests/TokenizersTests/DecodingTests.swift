import Foundation
import Testing

@testable import Tokenizers

@Suite struct DecodingTests {
    private struct Case {
        let ids: [Int32]
        let whole: String
        let withoutSpecial: String
    }

    private func cases() throws -> [Case] {
        var reader = try References.Reader(References.file("qwen.decode"))
        var cases: [Case] = []
        while !reader.isAtEnd {
            cases.append(
                Case(
                    ids: try reader.ids(), whole: String(decoding: try reader.bytes(), as: UTF8.self),
                    withoutSpecial: String(decoding: try reader.bytes(), as: UTF8.self)))
        }
        return cases
    }

    @Test func randomTokensDecodeLikeTheReference() throws {
        let tokenizer = try References.qwen()
        let cases = try cases()
        try #require(cases.count == 3000)
        for entry in cases {
            #expect(sameBytes(tokenizer.decode(entry.ids), entry.whole), "\(entry.ids)")
            #expect(sameBytes(tokenizer.decode(entry.ids, skipSpecialTokens: true), entry.withoutSpecial), "\(entry.ids)")
        }
    }

    @Test func streamsAddUpToTheWhole() throws {
        let tokenizer = try References.qwen()
        for entry in try cases() {
            for skip in [false, true] {
                var stream = StreamingDetokenizer(tokenizer, skipSpecialTokens: skip)
                var text = ""
                for id in entry.ids { text += stream.append(id) }
                text += stream.finish()
                #expect(sameBytes(text, skip ? entry.withoutSpecial : entry.whole), "\(entry.ids)")
            }
        }
    }

    /// Valid text comes out in whole characters, whatever tokens it was cut into.
    @Test(arguments: ["qwen", "smollm2"])
    func streamsOfValidTextHoldNoReplacement(_ name: String) throws {
        let tokenizer = try name == "qwen" ? References.qwen() : References.smolLM2()
        var checked = 0
        for line in try References.lines() {
            guard let text = String(validating: line, as: UTF8.self), !text.unicodeScalars.contains("\u{FFFD}") else { continue }
            let ids = tokenizer.encode(text, addSpecialTokens: false)
            let whole = tokenizer.decode(ids)
            // Bytes without a token are dropped; then what is left need not be valid.
            guard !whole.unicodeScalars.contains("\u{FFFD}") else { continue }
            var stream = StreamingDetokenizer(tokenizer, skipSpecialTokens: false)
            var joined = ""
            for id in ids {
                let piece = stream.append(id)
                #expect(!piece.unicodeScalars.contains("\u{FFFD}"), "\(text.debugDescription)")
                joined += piece
            }
            #expect(stream.finish().isEmpty)
            #expect(sameBytes(joined, whole))
            checked += 1
        }
        #expect(checked > 8000)
    }

    @Test func encodingRoundTripsUpToNormalisation() throws {
        let tokenizer = try References.qwen()
        var checked = 0
        for line in try References.lines() {
            let text = String(decoding: line, as: UTF8.self)
            let once = tokenizer.decode(tokenizer.encode(text, addSpecialTokens: false))
            #expect(sameBytes(tokenizer.decode(tokenizer.encode(once, addSpecialTokens: false)), once), "\(text.debugDescription)")
            if sameBytes(Normalizer.nfc.normalize(text), text) {
                #expect(sameBytes(once, text), "\(text.debugDescription)")
                checked += 1
            }
        }
        #expect(checked > 10_000)
    }

    @Test func brokenStreamsReplaceOnlyWhatIsCertain() throws {
        let tokenizer = try References.qwen()
        func byte(_ value: UInt8) throws -> Int32 {
            try #require((0..<256).first { tokenizer.bytes(of: $0) == [value] })
        }
        var stream = StreamingDetokenizer(tokenizer)
        // The start of an emoji, cut off by a letter.
        #expect(stream.append(try byte(0xF0)) == "")
        #expect(stream.append(try byte(0x9F)) == "")
        #expect(stream.append(try byte(0x41)) == "\u{FFFD}A")
        // A surrogate is certain at its second byte.
        #expect(stream.append(try byte(0xED)) == "")
        #expect(stream.append(try byte(0xA0)) == "\u{FFFD}\u{FFFD}")
        #expect(stream.append(try byte(0xC3)) == "")
        #expect(stream.finish() == "\u{FFFD}")
        #expect(stream.finish() == "")
        for (value, text) in zip([0xF0, 0x9F, 0x98, 0x80] as [UInt8], ["", "", "", "😀"]) {
            #expect(stream.append(try byte(value)) == text)
        }
    }

    @Test func namesAndFlags() throws {
        let tokenizer = try References.qwen()
        #expect(tokenizer.vocabSize == 151_665)
        #expect(tokenizer.bosText == "<｜begin▁of▁sentence｜>")
        #expect(tokenizer.bosToken == 151_646)
        #expect(tokenizer.eosToken == 151_643)
        #expect(tokenizer.addBOS)
        #expect(tokenizer.id(of: "<think>") == 151_648)
        #expect(tokenizer.isSpecial(151_646))
        #expect(!tokenizer.isSpecial(151_648))
        #expect(tokenizer.id(of: "no such token") == nil)
        let the = try #require(tokenizer.id(of: "Ġthe"))
        #expect(tokenizer.piece(the) == "Ġthe")
        #expect(tokenizer.bytes(of: the) == Array(" the".utf8))
        #expect(tokenizer.encode("hi").first == 151_646)
        #expect(tokenizer.encode("hi", addSpecialTokens: false) == Array(tokenizer.encode("hi").dropFirst()))
        for id: Int32 in [-1, .min, .max, 151_665] {
            #expect(tokenizer.bytes(of: id).isEmpty && tokenizer.piece(id).isEmpty && tokenizer.decode([id]).isEmpty)
        }
        let small = try References.smolLM2()
        #expect(small.bosText == "<|im_start|>" && small.eosToken == 2 && !small.addBOS)
    }
}

/// Equal byte by byte; `==` would take canonically equivalent strings for equal.
func sameBytes(_ left: String, _ right: String) -> Bool { left.utf8.elementsEqual(right.utf8) }
