import AdapterRegistry
import ArgumentParser
import Terminal

/// `resa adapters remove`.
struct RemoveAdapter: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Take adapters out of the store, and their files unless others share them.")

    @Argument(help: "NAME or NAME:TAG.")
    var names: [String]

    func run() throws {
        var store = AdapterStore.standard()
        for reference in try names.map({ try AdapterReference($0) }) { try store.remove(reference) }
        store.patienceSeconds = 1
        do throws(AdapterStorageError) {
            SweepAdapters.tell(try store.sweep())
        } catch .busy {
            Console.note("resa: other processes are using the store; 'resa adapters sweep' frees the space later\n")
        }
    }
}

/// `resa adapters sweep`.
struct SweepAdapters: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sweep", abstract: "Remove what no adapter of the store needs: files without a name, and what killed writers left.")

    func run() throws { Self.tell(try AdapterStore.standard().sweep()) }

    static func tell(_ swept: AdapterStore.Swept) {
        Console.note("resa: removed \(swept.blobs) files (\(Quantity.bytes(swept.bytes))) and \(swept.partials) unfinished ones\n")
    }
}
