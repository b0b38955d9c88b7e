import Adapters
import Checkpoints
import Foundation

/// What a scan found in one folder. Holds no file open.
struct AdapterEntry: Sendable {
    /// How its files are to be read.
    enum Format: Sendable, Equatable {
        case none, peft, sae, steering
        case gguf(file: String)
    }

    let folder: URL
    /// Where its files may lie; nil for anywhere.
    var within: AllowedFolders?
    var summary: AdapterSummary
    /// Why it cannot be used.
    var error: AdapterError?
    var format = Format.none
    /// Where each of an SAE's hookpoints lies.
    var places: [HookPoint: SAEPlace] = [:]
    /// Memory it takes when loaded, as far as its headers tell: an SAE's by hookpoint, others' under nil.
    var residentBytes: [HookPoint?: Int] = [:]
    /// The files and folders it was made from, as they were.
    var stamps: [FileStamp] = []
    /// Of a broken one: whether `stamps` has everything whose change could mend it.
    var stampsAreAll = false

    /// Whether it has to be scanned again: something on disk has changed, or it was broken and may have been repaired.
    ///
    /// Not all that breaks an adapter is in its files, so that every request for a broken one tries again; who only looks whether anything has
    /// changed asks `isStillBroken` first.
    var isStale: Bool { error != nil || !stamps.allSatisfy(\.isCurrent) }

    /// Whether it was broken, and nothing in its folder has changed.
    var isStillBroken: Bool { error != nil && stampsAreAll && stamps.allSatisfy(\.isCurrent) }
}
