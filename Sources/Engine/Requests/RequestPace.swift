/// How fast requests end: busy seconds between the ends of two, averaged over about the last 32.
struct RequestPace {
    private static let memory = 32
    private var finished = 0
    private var busySeconds = 0.0
    private var seconds = 0.0

    /// Takes the totals so far and returns seconds per request; 0 before the first has ended.
    mutating func update(finished total: Int, busySeconds now: Double) -> Double {
        guard total > finished else { return seconds }
        let each = (now - busySeconds) / Double(total - finished)
        for number in finished + 1...total {
            seconds += (each - seconds) / Double(min(number, Self.memory))
        }
        finished = total
        busySeconds = now
        return seconds
    }
}
