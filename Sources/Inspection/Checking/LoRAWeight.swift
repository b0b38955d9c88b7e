import Adapters
import Models
import Tensors

/// How much a LoRA adds to a model's weights, in the Frobenius norm.
package struct LoRAWeight: Encodable {
    package let updates: Int
    /// Named, but zero.
    package let idleUpdates: Int
    /// Blocks from the bottom that it leaves as they are.
    package let untouchedBlocks: Int
    /// |update| / |weights| over all projections that it changes.
    package let relativeNorm: Double?
    package let largestRelativeNorm: Double?
    package let largestAt: String?

    /// Reads the stored weights of every projection that it changes, once.
    /// - Throws: `CheckpointError` when they cannot be read.
    package init(of lora: LoRAAdapter, in bundle: ModelBundle, pool: WorkerPool) throws {
        let workspace = Workspace()
        var (added, stored) = (0.0, 0.0)
        var largest: (ratio: Double, place: String)?
        for (layer, module, update) in lora.updates where !update.doesNothing {
            let change = try update.norm(
                of: bundle.weights.projections, layer: layer, module: module, pool: pool, workspace: workspace)
            let weight = try bundle.weights.norm(layer: layer, module: module, pool: pool)
            added += change * change
            stored += weight * weight
            let ratio = change / weight
            if ratio.isFinite, ratio > largest?.ratio ?? -1 { largest = (ratio, "layers.\(layer).\(module.rawValue)") }
        }
        let ratio = (added / stored).squareRoot()
        (updates, idleUpdates) = (lora.updates.count, lora.updates.count { $0.update.doesNothing })
        untouchedBlocks = min(lora.sharedLayers, bundle.config.layers)
        relativeNorm = ratio.isFinite ? ratio : nil
        (largestRelativeNorm, largestAt) = (largest?.ratio, largest?.place)
    }
}
