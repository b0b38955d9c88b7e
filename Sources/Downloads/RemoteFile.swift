/// A file to be fetched.
struct RemoteFile: Sendable, Equatable {
    /// Relative to the folder that is pulled into; safe.
    let path: String
    let address: WebAddress
    /// Bytes; nil when nobody said.
    var size: Int?
    var check: ContentCheck?
    /// The commit that the Hub must serve it from.
    var commit: String?
}
