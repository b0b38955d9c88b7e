/// Sees how far pieces of work are that take a while.
package protocol WorkWatcher {
    /// A piece of work begins.
    /// - Parameter count: things to be done; nil where only the fraction says something.
    func begin(_ label: String, count: Int?) -> any WatchedWork
}

package protocol WatchedWork {
    /// - Parameter fraction: 0...1, not falling.
    func report(_ fraction: Double)
    func finish()
    /// It failed.
    func breakOff()
}

extension WorkWatcher {
    /// Shows how far `body` is, until it ends or fails.
    package func watch<T>(_ label: String, count: Int? = nil, _ body: (_ report: (Double) -> Void) throws -> T) rethrows -> T {
        let work = begin(label, count: count)
        do {
            let result = try body(work.report)
            work.finish()
            return result
        } catch {
            work.breakOff()
            throw error
        }
    }
}

/// Nobody watches.
package struct Unwatched: WorkWatcher, WatchedWork {
    package init() {}
    package func begin(_ label: String, count: Int?) -> any WatchedWork { self }
    package func report(_ fraction: Double) {}
    package func finish() {}
    package func breakOff() {}
}
