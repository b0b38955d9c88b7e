import JSONText

/// One answer in the log.
package struct AnswerRecord: Sendable, Equatable {
    package let key: AnswerKey
    package let seed: UInt64
    package let answer: ModelAnswer

    package init(key: AnswerKey, seed: UInt64, answer: ModelAnswer) { (self.key, self.seed, self.answer) = (key, seed, answer) }

    init?(_ json: JSON) {
        guard let data = json["data"]?.string, let problem = json["problem"]?.string, let arm = json["arm"]?.string,
            let sample = json["sample"]?.int, let seed = json["seed"]?.string.flatMap({ UInt64($0) }), let text = json["response"]?.string,
            let finish = json["finish"]?.string, let tokens = json["tokens"]?.int
        else { return nil }
        key = AnswerKey(data: data, problem: problem, arm: arm, sample: sample)
        self.seed = seed
        answer = ModelAnswer(text: text, finish: finish, tokens: tokens, applied: json["applied"]?.string)
    }

    var json: JSON {
        // A seed can be beyond what JSON's numbers hold everywhere.
        [
            "data": .string(key.data), "problem": .string(key.problem), "arm": .string(key.arm), "sample": .int(key.sample),
            "seed": .string("\(seed)"), "finish": .string(answer.finish), "tokens": .int(answer.tokens),
            "applied": .optional(answer.applied), "response": .string(answer.text),
        ]
    }
}
