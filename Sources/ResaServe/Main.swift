import ArgumentParser
import Foundation
import Terminal

/// Where the process begins and ends.
@main
enum Main {
    static func main() async {
        Descriptor.openStandard()
        // A reader that has gone is an error of the write that meets it.
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try Resa.parseAsRoot()
            if var command = command as? any AsyncParsableCommand { try await command.run() } else { try command.run() }
        } catch {
            end(with: error)
        }
        Console.flush()
    }

    /// Help and the like are results; everything else is told on standard error.
    private static func end(with error: any Error) -> Never {
        let (code, text) = (Resa.exitCode(for: error), Resa.fullMessage(for: error))
        if !text.isEmpty {
            if code == .success { Console.print(text + "\n") } else { Console.tell(text) }
        }
        Console.flush()
        exit(code.rawValue)
    }
}
