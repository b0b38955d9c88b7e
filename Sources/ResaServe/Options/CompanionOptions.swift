import ArgumentParser

/// Options that mean something only beside another one: alone they would be ignored, and nobody would know.
enum CompanionOptions {
    /// - Parameter options: each with whether it was given; for an option with a default, whether it says something else.
    /// - Throws: `ValidationError` naming the first that was given although `owner` was not.
    static func check(_ isThere: Bool, _ owner: String, _ options: [(name: String, isGiven: Bool)]) throws {
        guard !isThere, let option = options.first(where: \.isGiven) else { return }
        throw ValidationError("\(option.name) goes with \(owner)")
    }
}
