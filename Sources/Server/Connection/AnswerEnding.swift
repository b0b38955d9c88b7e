/// Whether the answer that is being written is the connection's last. Shared by the handlers of one connection, on its event loop.
final class AnswerEnding {
    /// The next answer shall be the last.
    var isWanted = false
    /// The answer whose head was written last says that it is the last.
    var isAnnounced = false
}
