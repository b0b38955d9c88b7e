/// Why a file could not be read as a checkpoint, tensor file or configuration.
///
/// Every case names the file, and where it applies the tensor or key, what was got and what was wanted.
package enum CheckpointError: Error, Equatable, CustomStringConvertible {
    /// The operating system refused the file (absent, a folder, no permission, ...).
    case cannotRead(file: String, reason: String)
    /// The bytes break the format's rules. `what` is the key, tensor or structure at fault.
    case malformed(file: String, what: String, got: String, wanted: String)
    /// No tensor of that name in the file or folder.
    case missingTensor(file: String, tensor: String, near: [String])
    /// The tensor is stored in a type that cannot be expanded to f32.
    case unsupportedType(file: String, tensor: String, got: String, wanted: String)
    /// The tensor is there but its shape (row-major, outermost first) does not fit.
    case wrongShape(file: String, tensor: String, got: [Int], wanted: [Int])
    /// Well formed, but a feature this program does not implement; `advice` says what to do instead.
    case unsupported(file: String, what: String, advice: String)

    package var description: String {
        switch self {
        case .cannotRead(let file, let reason):
            "\(file): cannot be read: \(reason)"
        case .malformed(let file, let what, let got, let wanted):
            "\(file): \(what): got \(got), wanted \(wanted)"
        case .missingTensor(let file, let tensor, let near):
            "\(file): tensor \(tensor) is missing"
                + (near.isEmpty ? "" : "; the nearest names it holds: \(near.joined(separator: ", "))")
        case .unsupportedType(let file, let tensor, let got, let wanted):
            "\(file): tensor \(tensor) is stored as \(got); readable types are \(wanted)"
        case .wrongShape(let file, let tensor, let got, let wanted):
            "\(file): tensor \(tensor) has shape \(got), wanted \(wanted)"
        case .unsupported(let file, let what, let advice):
            "\(file): \(what) is not supported; \(advice)"
        }
    }
}
