/// Status and headers of an answer.
package struct ResponseHead: Sendable {
    /// 0 until a status line has come.
    package private(set) var status = 0
    /// Whether it is an answer of HTTP/1.
    package private(set) var isVersionOne = false
    /// By lowercase name; of repeated ones the last.
    package private(set) var headers: [String: String] = [:]

    package init() {}

    /// One line as libcurl hands it over. A new status line (after 100 Continue, or a proxy's answer) starts again.
    package mutating func add(line: String) {
        if line.hasPrefix("HTTP/") {
            headers = [:]
            isVersionOne = line.hasPrefix("HTTP/1")
            status = line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        } else if let colon = line.utf8.firstIndex(of: UInt8(ascii: ":")) {
            headers[line[..<colon].lowercased()] = String(line[line.index(after: colon)...].drop(while: \.isWhitespace))
        }
    }
}
