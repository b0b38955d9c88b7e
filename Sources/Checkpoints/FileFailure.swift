/// An error that can say what the system refused a file. Files and folders here throw the one of the target that writes them, so that each says
/// what its people can do about it.
package protocol FileFailure: Error {
    /// The operating system refused: no space, no permission, nothing there.
    static func system(path: String, doing: String, reason: String) -> Self
    /// Something is there that must not be.
    static func exists(path: String) -> Self
    /// What is there is no regular file.
    static func badSource(path: String, problem: String) -> Self
    /// The file ends too early.
    static func malformed(file: String, what: String, got: String, wanted: String) -> Self
}
