/// Requests that wait for a place, and whose turn it is.
///
/// Fair by service, not by count (the virtual token counter of Sheng et al., "Fairness in Serving Large Language Models", OSDI 2024):
/// each client has a counter of what it was given, prompt tokens once and generated tokens twice, and the next place goes to the client
/// with the smallest. Within a client, first come, first served. A client that comes back from idleness starts at the smallest counter
/// of those still here: it cannot save up, so however many requests one client queues, another's first waits for at most one of them.
struct WaitingQueue {
    static let promptWeight = 1.0
    static let generatedWeight = 2.0

    private struct Client {
        var name: String
        var service: Double
        /// Requests that have left the queue and not ended.
        var active = 0
        /// The queue; nil before `head`.
        var waiting: [Ticket?] = []
        var head = 0
        /// Order of arrival, which decides between equals.
        let arrival: Int

        var isWaiting: Bool { head < waiting.count }
        var isIdle: Bool { active == 0 && !isWaiting }

        /// Every request goes into one of two lists, by one look at it.
        mutating func remove(_ leaving: Set<ObjectIdentifier>) -> [Ticket] {
            var (removed, kept): ([Ticket], [Ticket?]) = ([], [])
            for case let ticket? in waiting[head...] {
                if leaving.contains(ObjectIdentifier(ticket)) { removed.append(ticket) } else { kept.append(ticket) }
            }
            if !removed.isEmpty { (waiting, head) = (kept, 0) }
            return removed
        }
    }

    private var clients: [Int: Client] = [:]
    private var numbers: [String: Int] = [:]
    private var arrivals = 0
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }
    /// Clients that wait or are being served.
    var clientCount: Int { clients.count }

    mutating func append(_ ticket: Ticket) {
        let name = ticket.request.client
        let number: Int
        if let known = numbers[name] {
            number = known
        } else {
            number = arrivals
            numbers[name] = number
            clients[number] = Client(name: name, service: clients.values.map(\.service).min() ?? 0, arrival: arrivals)
            arrivals += 1
        }
        clients[number]!.waiting.append(ticket)
        count += 1
    }

    /// Takes the next request out and charges its prompt. `finished` gives the client's place back.
    mutating func popNext() -> (ticket: Ticket, client: Int)? {
        let next = clients.filter(\.value.isWaiting).min {
            let (a, b) = ($0.value, $1.value)
            if a.service != b.service { return a.service < b.service }
            return a.active != b.active ? a.active < b.active : a.arrival < b.arrival
        }
        guard let number = next?.key else { return nil }
        let head = clients[number]!.head
        guard let ticket = clients[number]!.waiting[head] else { return nil }
        clients[number]!.waiting[head] = nil
        clients[number]!.head += 1
        if clients[number]!.head > 64, clients[number]!.head * 2 > clients[number]!.waiting.count {
            clients[number]!.waiting.removeFirst(clients[number]!.head)
            clients[number]!.head = 0
        }
        clients[number]!.active += 1
        count -= 1
        charge(number, Self.promptWeight * Double(ticket.request.prompt.count))
        return (ticket, number)
    }

    /// Adds to what a client was given.
    mutating func charge(_ client: Int, _ service: Double) { clients[client]?.service += service }

    /// A request that was taken out has ended.
    mutating func finished(_ client: Int) {
        clients[client]?.active -= 1
        forget(client)
    }

    /// Takes out those of the given requests that wait here.
    mutating func remove(_ leaving: Set<ObjectIdentifier>) -> [Ticket] {
        var removed: [Ticket] = []
        for number in Array(clients.keys) {
            let left = clients[number]!.remove(leaving)
            count -= left.count
            removed += left
            if !left.isEmpty { forget(number) }
        }
        return removed
    }

    private mutating func forget(_ client: Int) {
        guard let known = clients[client], known.isIdle else { return }
        numbers[known.name] = nil
        clients[client] = nil
    }
}
