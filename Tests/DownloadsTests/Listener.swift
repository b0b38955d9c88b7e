import Foundation
import Testing

/// A socket that listens on 127.0.0.1 and answers nothing.
final class Listener {
    private let descriptor: Int32
    let port: Int

    init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) == 0 && listen(descriptor, 8) == 0 && getsockname(descriptor, $0, &size) == 0
            }
        }
        try #require(isBound)
        port = Int(UInt16(bigEndian: address.sin_port))
    }

    private var kept: [Int32] = []

    deinit { for open in kept + [descriptor] { close(open) } }

    /// Whether somebody has connected since the last call; the connections are closed, unless they are to be kept open.
    func takeConnection(keeping: Bool = false) -> Bool {
        var isAny = false
        while case let connection = accept(descriptor, nil, nil), connection >= 0 {
            if keeping { kept.append(connection) } else { close(connection) }
            isAny = true
        }
        return isAny
    }
}
