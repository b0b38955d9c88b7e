/// One of the variants that are compared: the base model, or adapters on it.
package struct Arm: Sendable, Equatable {
    package enum Role: Sendable, Equatable {
        /// The control `none`: what the others are compared with.
        case base
        case adapter
        /// A LoRA of random directions with the norms of another.
        case random(of: String)
        /// An adapter tuned with a shuffled SAE.
        case shuffled

        package var label: String {
            switch self {
            case .base: "no adapter"
            case .adapter: "adapter"
            case .random(let name): "control: random LoRA, norms of \(name)"
            case .shuffled: "control: tuned with a shuffled SAE"
            }
        }
    }

    /// Unique among the arms of a run.
    package let name: String
    package let role: Role

    package init(name: String, role: Role) { (self.name, self.role) = (name, role) }

    package static let base = Arm(name: "none", role: .base)
}

/// One request of an evaluation.
package struct Question: Sendable {
    package let data: String
    package let problem: Problem
    package let arm: Arm
    package let sample: Int
    /// The same for all arms, so that they are compared on equal luck.
    package let seed: UInt64

    package init(data: String, problem: Problem, arm: Arm, sample: Int, seed: UInt64) {
        (self.data, self.problem, self.arm, self.sample, self.seed) = (data, problem, arm, sample, seed)
    }

    var key: AnswerKey { AnswerKey(data: data, problem: problem.id, arm: arm.name, sample: sample) }
}

/// What identifies an answer in the log.
package struct AnswerKey: Hashable, Sendable {
    package let data: String
    package let problem: String
    package let arm: String
    package let sample: Int
}

/// What a model said.
package struct ModelAnswer: Sendable, Equatable {
    /// With its thoughts.
    package var text: String
    /// `stop`, or `length` when it was cut off.
    package var finish: String
    package var tokens: Int
    /// What was really applied, with digests; empty for nothing, nil where it cannot be told.
    package var applied: String?

    package init(text: String, finish: String, tokens: Int, applied: String?) {
        (self.text, self.finish, self.tokens, self.applied) = (text, finish, tokens, applied)
    }
}

/// Something that answers questions: a server, or an engine in this process.
package protocol AnswerSource: Sendable {
    /// - Throws: `CancellationError` when the task was cancelled; any other error counts as a failed request.
    func answer(_ question: Question) async throws -> ModelAnswer
}
