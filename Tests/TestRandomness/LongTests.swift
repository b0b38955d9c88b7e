import Foundation

/// The long form of tests of what happens by chance: `RESA_LONG_TESTS=SECONDS` gives each a seed of its own, and those that can go on for
/// ever go on for so long.
package enum LongTests {
    /// 0 in a run that everyone repeats.
    package static let seconds: Double = {
        guard let text = ProcessInfo.processInfo.environment["RESA_LONG_TESTS"] else { return 0 }
        guard let seconds = Double(text), seconds >= 0 else { fatalError("RESA_LONG_TESTS is \"\(text)\"; it is a number of seconds") }
        return seconds
    }()

    package static var isOn: Bool { seconds > 0 }
}
