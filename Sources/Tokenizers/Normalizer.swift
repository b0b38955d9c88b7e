/// What happens to text before it is cut into words.
enum Normalizer: Sendable {
    case none
    /// Canonical composition.
    case nfc

    /// The normalised text, or nil when `text`, valid UTF-8, is normal already.
    func normalize(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        switch self {
        case .none: nil
        case .nfc: CanonicalComposition.compose(text)
        }
    }

    func normalize(_ text: String) -> String {
        let bytes = Array(text.utf8)
        return bytes.withUnsafeBufferPointer { normalize($0) }.map { String(decoding: $0, as: UTF8.self) } ?? text
    }
}
