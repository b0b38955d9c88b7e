import Foundation
import Testing

/// Runs `StoreProbe`, which the build puts beside the tests.
enum StoreProbeProcess {
    static func start(_ arguments: [String]) throws -> (process: Process, output: Pipe) {
        let process = Process()
        process.executableURL = try #require(Bundle.main.executableURL).resolvingSymlinksInPath().deletingLastPathComponent()
            .appendingPathComponent("StoreProbe")
        process.arguments = arguments
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        return (process, output)
    }
}
