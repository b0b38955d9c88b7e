/// The adapters of a request in the making: adds what is said about one after the other, and brings edits together that belong together.
package struct SelectionList {
    package private(set) var selections: [AdapterSelection] = []
    private let limit: Int
    /// What errors call the list; nil where only one can be meant.
    private let place: String?

    package init(limit: Int = AdapterRegistry.selectionLimit, place: String? = nil) {
        (self.limit, self.place) = (limit, place)
    }

    /// - Throws: where the grammar or the limit on adapters, once edits are together, is broken.
    package mutating func add(_ source: some SelectionSource) throws(SelectionError) {
        let next = try AdapterSelection(reading: source)
        if source.isFlat {
            let saysWhere = [.scope, .from, .to].contains { source[$0] != nil }
            selections.append(next, orJoin: { $0.takes(next, saysWhere: saysWhere) })
        } else {
            selections.appendOrJoin(next)
        }
        guard selections.count <= limit else { throw SelectionError(place, "names more adapters than the \(limit) allowed") }
    }
}

extension [AdapterSelection] {
    /// Adds a selection, or its edits to the one before when that says the same of the same adapter.
    mutating func appendOrJoin(_ next: AdapterSelection) {
        let before = count - 1
        if let last, last.saysTheSame(as: next) { self[before].take(next) } else { append(next) }
    }

    /// Adds a selection, or its edits to the last that takes them.
    fileprivate mutating func append(_ next: AdapterSelection, orJoin takes: (AdapterSelection) -> Bool) {
        if let index = lastIndex(where: takes) { self[index].take(next) } else { append(next) }
    }
}

extension AdapterSelection {
    /// Whether both only edit, in the same place and way.
    fileprivate func saysTheSame(as other: AdapterSelection) -> Bool {
        name == other.name && layer == other.layer && at == other.at && scale == other.scale && scope == other.scope
            && when == other.when && !edits.isEmpty && !other.edits.isEmpty && mode ?? .edit == .edit && other.mode ?? .edit == .edit
            && (top == nil || other.top == nil || top == other.top)
    }

    /// Whether a further flat member is one more edit of this: what it leaves out it means as it stands here, and what it says agrees. Of conditions
    /// none is left out, so that no edit comes to one by itself.
    fileprivate func takes(_ next: AdapterSelection, saysWhere: Bool) -> Bool {
        func agrees<T: Equatable>(_ one: T?, _ other: T?) -> Bool { one == nil || other == nil || one == other }
        return name == next.name && !edits.isEmpty && !next.edits.isEmpty && when == next.when
            && (next.layer == nil || layer == next.layer) && (next.at == nil || at == next.at)
            && agrees(scale, next.scale) && agrees(mode, next.mode) && agrees(top, next.top) && (!saysWhere || scope == next.scope)
    }

    fileprivate mutating func take(_ next: AdapterSelection) {
        scale = scale ?? next.scale
        mode = mode ?? next.mode
        top = top ?? next.top
        edits += next.edits
    }
}
