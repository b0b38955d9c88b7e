import Digests
import Foundation

/// The first 64 bytes of a pack; integers are little-endian.
///
/// | bytes | what |
/// |---|---|
/// | 0..<8 | `89 52 45 53 41 0D 0A 1A`: "RESA" among bytes that a transfer as text would change |
/// | 8..<12 | version, 1 |
/// | 12..<16 | flags: 1 when a signature follows the manifest, else 0 |
/// | 16..<24 | bytes of the manifest |
/// | 24..<32 | bytes of the body |
/// | 32..<64 | SHA-256 of the manifest |
struct PackHeader: Equatable {
    static let size = 64
    static let magic: [UInt8] = [0x89, 0x52, 0x45, 0x53, 0x41, 0x0D, 0x0A, 0x1A]
    static let version: UInt32 = 1

    var isSigned: Bool
    var manifestBytes: Int
    var bodyBytes: Int
    /// 32 bytes.
    var manifestSHA256: [UInt8]

    /// What the whole file comes to.
    func fileBytes() -> (value: Int, overflows: Bool) {
        let front = Self.size + (isSigned ? PackSignature.size : 0)
        let (some, first) = manifestBytes.addingReportingOverflow(front)
        let (all, second) = some.addingReportingOverflow(bodyBytes)
        return (all, first || second)
    }

    init(isSigned: Bool, manifest: [UInt8], bodyBytes: Int) {
        (self.isSigned, self.bodyBytes) = (isSigned, bodyBytes)
        manifestBytes = manifest.count
        manifestSHA256 = SHA256.of(manifest)
    }

    /// - Parameter bytes: at most `size` of them: what the file begins with.
    /// - Throws: `.malformed`; sizes are not compared with the file here.
    init(_ bytes: [UInt8], file: String) throws(AdapterStorageError) {
        guard bytes.starts(with: Self.magic) else {
            throw .malformed(
                file: file, what: "its beginning", got: HexText.of(bytes.prefix(8)), wanted: "\(HexText.of(Self.magic)), a pack")
        }
        guard bytes.count == Self.size else {
            throw .malformed(file: file, what: "header", got: "\(bytes.count) bytes", wanted: "\(Self.size); the file is cut short")
        }
        func number(_ range: Range<Int>) -> UInt64 { bytes[range].reversed().reduce(0) { $0 << 8 | UInt64($1) } }
        guard number(8..<12) == UInt64(Self.version) else {
            throw .malformed(file: file, what: "version", got: "\(number(8..<12))", wanted: "\(Self.version); a newer resa may read it")
        }
        guard number(12..<16) <= 1 else { throw .malformed(file: file, what: "flags", got: "\(number(12..<16))", wanted: "0 or 1") }
        guard let manifest = Int(exactly: number(16..<24)), let body = Int(exactly: number(24..<32)) else {
            throw .malformed(file: file, what: "sizes", got: "\(number(16..<24)) and \(number(24..<32))", wanted: "sizes of a file")
        }
        isSigned = number(12..<16) == 1
        (manifestBytes, bodyBytes, manifestSHA256) = (manifest, body, Array(bytes[32..<64]))
    }

    var bytes: [UInt8] {
        func little(_ value: UInt64, _ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
        return Self.magic + little(UInt64(Self.version), 4) + little(isSigned ? 1 : 0, 4) + little(UInt64(manifestBytes), 8)
            + little(UInt64(bodyBytes), 8) + manifestSHA256
    }
}
