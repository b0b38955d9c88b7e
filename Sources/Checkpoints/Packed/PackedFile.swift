import Foundation
import Tensors

/// A file of bytes that were expensive to make, under a key that says from what and how. Every byte of it is covered by a checksum.
///
///     header   4096 bytes: magic, version, sizes, checksum of the index, zeros, checksum of the header (XXH3, 64 bits, little-endian)
///     data     the bytes, padded with zeros to a multiple of 4096
///     index    a checksum for every 4 MiB of data; then the key and the note, as UTF-8, each after its length (u64)
package enum PackedFile {
    static let headerBytes = 4096
    static let chunkBytes = 4 << 20
    static let version: UInt64 = 1
    /// "RESAPACK" in the order of its bytes.
    static let magic: UInt64 = 0x4B43_4150_4153_4552
    static let maximumIndexBytes = 256 << 20

    /// What a file holds.
    package struct Content: Sendable {
        /// The data, in memory of its own.
        package let region: MemoryRegion
        /// What the writer added to be told on reading.
        package let note: String
    }

    /// Why a file is not used.
    package enum Refusal: Error, Equatable, CustomStringConvertible {
        case cannotRead(String)
        case cutShort(got: Int, wanted: Int)
        case notPacked
        case otherVersion(UInt64)
        case otherKey(String)
        case otherSize(got: Int, wanted: Int)
        /// Checksums disagree.
        case damaged(String)

        package var description: String {
            switch self {
            case .cannotRead(let reason): "it cannot be read: \(reason)"
            case .cutShort(let got, let wanted): "it has \(got) bytes where \(wanted) belong"
            case .notPacked: "it does not begin as a file of packed weights does"
            case .otherVersion(let got): "it has version \(got) of the format, this program reads \(PackedFile.version)"
            case .otherKey: "it was packed from other weights or in another way"
            case .otherSize(let got, let wanted): "it holds \(got) bytes of weights, \(wanted) are wanted"
            case .damaged(let part): "its \(part) is damaged"
            }
        }
    }

    /// The fixed part at the start.
    struct Header: Equatable {
        var dataBytes: Int
        var indexBytes: Int
        var indexChecksum: UInt64

        var paddedDataBytes: Int { (dataBytes + 4095) / 4096 * 4096 }
        var indexStart: Int { headerBytes + paddedDataBytes }
        var fileBytes: Int { indexStart + indexBytes }
        var chunkCount: Int { (paddedDataBytes + chunkBytes - 1) / chunkBytes }

        /// Bytes of chunk `index` of the padded data.
        func chunk(_ index: Int) -> Range<Int> { index * chunkBytes..<min((index + 1) * chunkBytes, paddedDataBytes) }

        init(dataBytes: Int, indexBytes: Int, indexChecksum: UInt64) {
            (self.dataBytes, self.indexBytes, self.indexChecksum) = (dataBytes, indexBytes, indexChecksum)
        }

        init(_ bytes: UnsafeRawBufferPointer) throws(Refusal) {
            func word(_ index: Int) -> UInt64 { UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self)) }
            guard word(0) == magic else { throw .notPacked }
            guard word(1) == version else { throw .otherVersion(word(1)) }
            let last = headerBytes - 8
            guard word(last / 8) == checksum(UnsafeRawBufferPointer(rebasing: bytes[..<last])) else { throw .damaged("header") }
            guard let data = Int(exactly: word(2)), let index = Int(exactly: word(3)), data <= 1 << 50, index <= maximumIndexBytes else {
                throw .damaged("header")
            }
            self.init(dataBytes: data, indexBytes: index, indexChecksum: word(4))
        }

        var bytes: [UInt8] {
            var bytes = [UInt8](repeating: 0, count: headerBytes)
            let words = [magic, version, UInt64(dataBytes), UInt64(indexBytes), indexChecksum]
            bytes.withUnsafeMutableBytes { target in
                for (index, word) in words.enumerated() {
                    target.storeBytes(of: word.littleEndian, toByteOffset: 8 * index, as: UInt64.self)
                }
                let last = headerBytes - 8
                let sum = checksum(UnsafeRawBufferPointer(rebasing: target[..<last]))
                target.storeBytes(of: sum.littleEndian, toByteOffset: last, as: UInt64.self)
            }
            return bytes
        }
    }

    /// What stands behind the data.
    struct Index {
        var checksums: [UInt64]
        var key: String
        var note: String

        init(checksums: [UInt64], key: String, note: String) { (self.checksums, self.key, self.note) = (checksums, key, note) }

        /// `bytes` have passed their checksum, so they are what a writer wrote.
        init(_ bytes: UnsafeRawBufferPointer, chunkCount: Int) throws(Refusal) {
            var position = 0
            func word() throws(Refusal) -> UInt64 {
                guard bytes.count - position >= 8 else { throw .damaged("index") }
                defer { position += 8 }
                return UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
            }
            func text() throws(Refusal) -> String {
                let length = try word()
                guard length <= UInt64(bytes.count - position) else { throw .damaged("index") }
                defer { position += Int(length) }
                return String(decoding: bytes[position..<position + Int(length)], as: UTF8.self)
            }
            guard chunkCount <= bytes.count / 8 else { throw .damaged("index") }
            checksums = []
            checksums.reserveCapacity(chunkCount)
            for _ in 0..<chunkCount { checksums.append(try word()) }
            key = try text()
            note = try text()
            guard position == bytes.count else { throw .damaged("index") }
        }

        var bytes: [UInt8] {
            func word(_ value: UInt64) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
            return checksums.flatMap(word) + word(UInt64(key.utf8.count)) + key.utf8 + word(UInt64(note.utf8.count)) + note.utf8
        }
    }
}
