import Adapters
import JSONText

/// Everything that decides what a tuning run computes. METHOD's stage II by default.
package struct TuneSettings: Sendable, Equatable {
    package var objective = TrainingObjective.forwardKL
    package var reduction = LossReduction.sum
    package var answersOnly = false
    package var rank = 32
    package var alpha = 128.0
    package var dropout = 0.05
    package var modules = ProjectionModule.allCases
    package var optimiser = AdamW()
    package var rate = 1e-6
    package var schedule = LearningRate.Schedule.constant
    package var warmup = 0
    /// The gradient norm is cut to this; nil to leave it.
    package var clip: Double? = 1
    package var epochs = 2
    /// Ends earlier than the epochs do; nil for never.
    package var maximumSteps: Int?
    /// Chunks whose gradients make one step.
    package var batch = 1
    /// Whether each epoch meets the chunks in an order of its own.
    package var shuffles = true
    package var seed: UInt64 = 0

    package init() {}

    /// By name, for telling whether a checkpoint belongs to the same run.
    func facts() -> JSONObject {
        [
            "objective": .string("\(objective)"), "reduction": .string(reduction.rawValue), "answers_only": .bool(answersOnly),
            "rank": .int(rank), "alpha": .double(alpha), "dropout": .double(dropout),
            "modules": .string(modules.map(\.rawValue).joined(separator: ",")), "beta1": .double(optimiser.beta1),
            "beta2": .double(optimiser.beta2), "epsilon": .double(optimiser.epsilon), "weight_decay": .double(optimiser.weightDecay),
            "rate": .double(rate), "schedule": .string(schedule.rawValue), "warmup": .int(warmup),
            "clip": clip.map { JSON.double($0) } ?? .null, "epochs": .int(epochs), "max_steps": maximumSteps.map { JSON.int($0) } ?? .null,
            "batch": .int(batch), "shuffles": .bool(shuffles), "seed": .string(String(seed)),
        ]
    }
}
