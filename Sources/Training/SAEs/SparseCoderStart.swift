import Adapters
import Tensors

/// What new SAEs start from: a trained one's tensors at each hookpoint, or nothing.
package struct SparseCoderStart {
    package let latents: Int
    /// Active at a token.
    package let k: Int
    package let tensors: [HookPoint: SparseCoderTensors]

    private static let standardK = 32

    /// - Parameters:
    ///   - folder: of a sparsify SAE, a hookpoint's or one with folders of hookpoints; nil to start from nothing.
    ///   - latents, k: wanted; nil for those of the folder.
    ///   - standard: latents where neither says.
    /// - Throws: `TrainingError.badSetting` for sizes that differ, and what reading the folder throws.
    package init(
        at hookpoints: [HookPoint], from folder: String?, latents wanted: Int?, k: Int?, otherwise standard: Int, shape: ModelShape
    ) throws {
        var initial: [HookPoint: SparseCoderTensors] = [:]
        var (latents, active) = (wanted ?? standard, k ?? Self.standardK)
        if let folder {
            for (index, hookpoint) in hookpoints.enumerated() {
                let (tensors, found) = try SparseCoderTensors.start(from: folder, hookpoint: hookpoint, shape: shape)
                if index > 0 || wanted != nil, tensors.latents != latents {
                    throw TrainingError.badSetting(
                        name: "--init",
                        problem:
                            "has \(tensors.latents) latents at \(hookpoint), but \(latents) are wanted; give no --latents, and hookpoints of equal size"
                    )
                }
                (latents, initial[hookpoint]) = (tensors.latents, tensors)
                active = k ?? found
            }
        }
        (self.latents, self.k, tensors) = (latents, active, initial)
    }
}
