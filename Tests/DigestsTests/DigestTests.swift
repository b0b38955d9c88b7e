import Testing

@testable import Digests

@Suite struct DigestTests {
    /// FIPS 180-4's examples, and the digests of nothing.
    @Test(arguments: [
        (
            "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "a9993e364706816aba3e25717850c26c9cd0d89d"
        ),
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
    ])
    func knownAnswers(_ text: String, _ sha256: String, _ sha1: String) {
        #expect(HexText.of(SHA256.of(Array(text.utf8))) == sha256)
        var digest = StreamingDigest(.sha1)
        digest.update(text)
        #expect(digest.hex() == sha1)
    }

    @Test func piecesGiveWhatTheWholeGives() {
        let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        var digest = StreamingDigest()
        var start = 0
        for size in [1, 63, 64, 65, 4096, 0, 95_711] {
            bytes[start..<start + size].withUnsafeBytes { digest.update($0) }
            start += size
            #expect(digest.value() == SHA256.of(bytes[..<start]), "\(start) bytes")
        }
        #expect(start == bytes.count)
    }

    @Test func hexIsWrittenAndKnown() {
        #expect(HexText.of([0x00, 0x0f, 0xa0, 0xff]) == "000fa0ff")
        #expect(HexText.isHex("000fa0ff", digits: 8) && !HexText.isHex("000FA0FF", digits: 8) && !HexText.isHex("0g", digits: 2))
    }
}

@Suite struct Ed25519Tests {
    /// RFC 8032, section 7.1, test 2.
    @Test func knownAnswer() throws {
        let secret = try bytes("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
        let key = try bytes("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
        let signature = try bytes(
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        )
        #expect(try Ed25519.publicKey(of: secret) == key)
        #expect(try Ed25519.sign([0x72], with: secret) == signature)
        #expect(Ed25519.verifies(signature, of: [0x72], by: key))
    }

    @Test func anyChangeIsSeen() throws {
        let secret = try Ed25519.secretKey()
        let key = try Ed25519.publicKey(of: secret)
        let message = Array("a pack's header".utf8)
        let signature = try Ed25519.sign(message, with: secret)
        #expect(Ed25519.verifies(signature, of: message, by: key))
        for index in signature.indices {
            var changed = signature
            changed[index] ^= 1
            #expect(!Ed25519.verifies(changed, of: message, by: key), "byte \(index)")
        }
        #expect(!Ed25519.verifies(signature, of: message + [0], by: key))
        #expect(!Ed25519.verifies(Array(signature.dropLast()), of: message, by: key))
        #expect(!Ed25519.verifies(signature, of: message, by: try Ed25519.publicKey(of: try Ed25519.secretKey())))
        #expect(!Ed25519.isPublicKey(Array(key.dropLast())))
        #expect(throws: Ed25519.Failure.self) { try Ed25519.sign(message, with: [1, 2, 3]) }
    }

    private func bytes(_ hex: String) throws -> [UInt8] {
        try stride(from: 0, to: hex.count, by: 2).map { offset in
            let start = hex.index(hex.startIndex, offsetBy: offset)
            return try #require(UInt8(hex[start..<hex.index(start, offsetBy: 2)], radix: 16))
        }
    }
}
