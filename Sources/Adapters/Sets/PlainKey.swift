import Foundation

/// The bytes of a key as plain memory: steps compare them without counting a reference. Its owner frees it.
package struct PlainKey: BitwiseCopyable {
    private let bytes: UnsafeMutablePointer<UInt8>
    private let count: Int

    init(_ key: String) {
        count = key.utf8.count
        bytes = .allocate(capacity: max(count, 1))
        for (index, byte) in key.utf8.enumerated() { bytes[index] = byte }
    }

    func deallocate() { bytes.deallocate() }

    package func isEqual(to other: PlainKey) -> Bool {
        bytes == other.bytes || (count == other.count && memcmp(bytes, other.bytes, count) == 0)
    }
}
