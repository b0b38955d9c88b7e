// Training: backward passes, optimisers, activation streams; SAE-guided fine-tuning (`FineTuner`) and the SAE trainer, each as the step of a
// `TrainingRun`.
// It knows nothing about HTTP, requests or the engine that serves. Base weights are frozen; what trains is small and in f32.

/// Why something cannot be trained, or training stopped. Every case says what to do about it.
package enum TrainingError: Error, Equatable, CustomStringConvertible {
    /// Settings that exclude one another or do not fit the model.
    case badSetting(name: String, problem: String)
    /// Loss or gradient became infinite or no number; nothing of that step was kept.
    case notFinite(step: Int, what: String, advice: String)
    /// A checkpoint that belongs to another run.
    case wrongCheckpoint(file: String, what: String, got: String, wanted: String)
    /// Another process works in the output folder.
    case busy(folder: String)
    /// The output folder holds a run already.
    case occupied(folder: String)
    /// One of several processes has another run than the first.
    case unlikeProcess(rank: Int, what: String, got: String, wanted: String)
    case disk(path: String, doing: String, reason: String)

    package var description: String {
        switch self {
        case .badSetting(let name, let problem): "\(name) \(problem)"
        case .notFinite(let step, let what, let advice): "step \(step): \(what) is not a finite number; \(advice)"
        case .wrongCheckpoint(let file, let what, let got, let wanted):
            "\(file): \(what) is \(got), but this run has \(wanted); resume with the settings of the run that wrote it, or choose another folder"
        case .busy(let folder): "\(folder): another process is training there; wait for it or choose another folder"
        case .occupied(let folder): "\(folder): holds a run already; go on with --resume, or choose another folder"
        case .unlikeProcess(let rank, let what, let got, let wanted):
            "\(what) is \(got) in process \(rank), but \(wanted) in process 0; start all with the same files and options on processors of one kind"
        case .disk(let path, let doing, let reason): "\(path): \(doing) failed: \(reason)"
        }
    }
}

/// In which precision products with frozen weights are computed. Sums, activations and everything that trains are f32 in both.
package enum TrainingPrecision: String, Sendable, CaseIterable {
    /// Weights as stored (bf16 stays bf16 in memory and is expanded exactly), f32 products.
    case f32
    /// Weights and what they are multiplied with rounded to bf16.
    case bf16
}
