import ArgumentParser
import LoadTest

/// A span of time as an option: `500ms`, `1.5s`, `2m`.
struct TimeArgument: ExpressibleByArgument {
    let text: String
    let amount: Duration

    init?(argument: String) {
        guard let amount = TimeText.parse(argument) else { return nil }
        self.amount = amount
        text = argument
    }

    var defaultValueDescription: String { text }
}
