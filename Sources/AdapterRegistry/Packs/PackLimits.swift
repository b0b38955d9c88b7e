/// What a pack may ask of who reads it. All of it is checked against the pack's own words before anything is decompressed, and those words
/// are enforced while decompressing.
package struct PackLimits: Sendable, Equatable {
    package var manifestBytes = 16 << 20
    package var files = 4096
    /// Of all files together, unpacked.
    package var totalBytes = 64 << 30
    /// How many times as large as the pack its files may be, beyond `freeBytes`: adapters hold zeros, but not only zeros.
    package var ratio = 100
    package var freeBytes = 64 << 20

    package init() {}
}
