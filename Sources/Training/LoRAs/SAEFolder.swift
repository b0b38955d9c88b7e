import Adapters
import Foundation

/// An adapter folder with SAEs, by hookpoint: sparsify's (`FOLDER/layers.12`, or that folder itself) or one SAE of SAELens or Gemma Scope 2.
package struct SAEFolder {
    package let layout: any SAELayout

    /// Reads config and tensor header, and checks both against the model.
    /// - Parameter hookpoint: which SAE; may be left out where there is one.
    /// - Throws: `TrainingError.badSetting` when none is there or several are, `AdapterError` for files that are malformed or do not fit.
    package init(_ path: String, hookpoint: HookPoint?, shape: ModelShape) throws {
        let folder = URL(fileURLWithPath: path, isDirectory: true)
        let name = folder.lastPathComponent
        func holds(_ file: String) -> Bool { FileManager.default.fileExists(atPath: folder.appendingPathComponent(file).path) }
        func bad(_ problem: String) -> TrainingError { .badSetting(name: "--sae \(path)", problem: problem) }

        let place: SAEPlace
        let contents = Set((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [])
        if let format = SAEPlace.format(of: contents, folderName: name) {
            place = SAEPlace(folder: "", format: format)
        } else if holds(SparsifyLayout.tensorFile) {
            guard let found = hookpoint ?? HookPoint(name) else {
                throw bad("does not say which hookpoint it is for; give --hookpoint, such as layers.12")
            }
            place = SAEPlace(folder: "", format: .sparsify(found))
        } else {
            let found = contents.sorted().compactMap { name in HookPoint(name).map { (name, $0) } }
            let matching = found.filter { hookpoint == nil || $0.1 == hookpoint }
            guard let chosen = matching.first, matching.count == 1 else {
                let list = found.map(\.0).joined(separator: ", ")
                throw bad(
                    found.isEmpty
                        ? "holds no SAE: wanted folders named as hookpoints, such as layers.12, or sae.safetensors, or sae_weights.safetensors"
                        : "has the hookpoints \(list); name one of them with --hookpoint")
            }
            place = SAEPlace(folder: chosen.0, format: .sparsify(chosen.1))
        }
        layout = try place.open(in: folder, name: name, shape: shape)
        if let hookpoint, layout.hookpoint != hookpoint {
            throw bad("is for \(layout.hookpoint), not for \(hookpoint)")
        }
    }
}
