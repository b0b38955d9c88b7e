import NIOCore
import Synchronization

/// Tells whoever computes for a connection that its client is gone.
package final class HangUpSignal: Sendable {
    private struct State {
        var isHungUp = false
        var nextToken = 0
        var listeners: [Int: @Sendable () -> Void] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    /// Calls `action` once when the client hangs up; at once when it already has.
    /// - Returns: a token for `remove`.
    func listen(_ action: @escaping @Sendable () -> Void) -> Int {
        let (token, late) = state.withLock { state in
            state.nextToken += 1
            if !state.isHungUp { state.listeners[state.nextToken] = action }
            return (state.nextToken, state.isHungUp)
        }
        if late { action() }
        return token
    }

    func remove(_ token: Int) {
        state.withLock { _ = $0.listeners.removeValue(forKey: token) }
    }

    package func hangUp() {
        let listeners = state.withLock { state in
            state.isHungUp = true
            defer { state.listeners.removeAll() }
            return state.listeners.values.map { $0 }
        }
        for listener in listeners { listener() }
    }
}

/// Watches one connection. A client that closes, or that closes its sending side, will not read an answer: browsers, `curl` and HTTP
/// libraries all do the former, and the two look the same from here until something is written.
final class HangUpHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = Any

    let signal = HangUpSignal()

    func channelInactive(context: ChannelHandlerContext) {
        signal.hangUp()
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .some(.inputClosed) = event as? ChannelEvent { signal.hangUp() }
        context.fireUserInboundEventTriggered(event)
    }
}
