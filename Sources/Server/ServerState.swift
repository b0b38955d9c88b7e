import Foundation

/// What all routes share.
struct ServerState: Sendable {
    let service: any InferenceService
    let settings: ServerSettings
    let metrics: ServerMetrics
    let drain: DrainGate
    let memory: RequestMemory
    let lanes: WorkLanes
    /// When this server started, in seconds since 1970; `created` of the models it lists.
    let started = Int(Date().timeIntervalSince1970)
}
