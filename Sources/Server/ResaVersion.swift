/// The version of all of `resa`: the command line, the server's header and `GET /version`.
package enum ResaVersion {
    package static let current = "0.1.0"
}
