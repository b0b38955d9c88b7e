import ArgumentParser
import Foundation

/// Where the process begins and ends.
@main
enum Main {
    static func main() async {
        openStandardDescriptors()
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

    /// Files and connections get the lowest numbers that are free: without this, what is printed would go into one of them when the process
    /// was started with its standard output closed.
    private static func openStandardDescriptors() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) == -1 && errno == EBADF {
            _ = open("/dev/null", O_RDWR)
        }
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
