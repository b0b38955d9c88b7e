import Adapters
import JSONText

/// What may be said about an adapter, whatever the spelling: the kinds and ranges of parameters, and which of them go together. What an adapter's
/// kind and files make of it is for `AdapterRegistry.resolve`.
extension AdapterSelection {
    /// Layers, latents, positions and numbers of latents. Which of them there are is known when the adapter is.
    package static let indices = 0...Int(Int32.max)

    package init(reading source: some SelectionSource) throws(SelectionError) {
        self.init(
            name: source.adapter, scale: try source.number(.scale), layer: try source.index(.layer), at: try source.choice(.at),
            mode: try source.choice(.mode), scope: try Self.scope(source), when: try ConditionSelection(reading: source),
            top: try source.index(.top))
        for edit in source.edits { edits.append(try Self.edit(edit)) }
    }

    private static func edit(_ source: some SelectionSource) throws(SelectionError) -> LatentEdit {
        guard let latent = try source.index(.latent) else { throw source.missing(.latent, "give the number of the latent to edit") }
        guard let operation: LatentEdit.Operation = try source.choice(.op) else {
            throw source.missing(.op, "it is one of \(LatentEdit.Operation.names)")
        }
        let value = try source.number(.value)
        guard value != nil || operation == .ablate else { throw source.missing(.value, "only ablate goes without") }
        return LatentEdit(latent: latent, op: operation, value: value ?? 0)
    }

    /// There is a window when one of its ends is given.
    private static func scope(_ source: some SelectionSource) throws(SelectionError) -> InterventionScope {
        var scope = InterventionScope.all
        if let value = source[.scope] {
            guard let named = value.string.flatMap(InterventionScope.init(name:)) else {
                throw source.wrong(.scope, value, "one of \(InterventionScope.names)")
            }
            scope = named
        }
        let (from, to) = (try source.index(.from), try source.index(.to))
        guard from != nil || to != nil else { return scope }
        let (start, end) = (from ?? 0, to ?? indices.upperBound)
        guard start <= end else { throw SelectionError(source.name(of: .to), "is \(end), before the window's beginning at \(start)") }
        scope.positions = start..<end
        return scope
    }
}

extension ConditionSelection {
    /// Nil when there is no condition.
    fileprivate init?(reading source: some SelectionSource) throws(SelectionError) {
        guard source.hasCondition else { return nil }
        guard let latent = try source.index(.when) else { throw source.missing(.when, "give the number of the latent that must act") }
        guard let above = try source.number(.above, atLeast: 0) else {
            throw source.missing(.above, "give the activation that must be exceeded, 0 for any")
        }
        let adapter = source[.conditionAdapter]
        if let adapter, adapter.string?.isEmpty ?? true { throw source.wrong(.conditionAdapter, adapter, "an adapter's name") }
        self.init(
            latent: latent, above: above, adapter: adapter?.string, layer: try source.index(.conditionLayer),
            at: try source.choice(.conditionSite))
    }
}

extension SelectionSource {
    fileprivate func number(_ parameter: SelectionParameter, atLeast least: Float? = nil) throws(SelectionError) -> Float? {
        guard let value = self[parameter] else { return nil }
        guard let number = double(value), Float(number).isFinite, Float(number) >= least ?? -.infinity else {
            throw wrong(parameter, value, least.map { "a number of at least \($0)" } ?? "a finite number")
        }
        return Float(number)
    }

    /// A whole number, however it is written.
    fileprivate func index(_ parameter: SelectionParameter) throws(SelectionError) -> Int? {
        guard let value = self[parameter] else { return nil }
        let indices = AdapterSelection.indices
        guard let index = double(value).flatMap(Int.init(exactly:)), indices.contains(index) else {
            throw wrong(parameter, value, "a whole number from \(indices.lowerBound) to \(indices.upperBound)")
        }
        return index
    }

    fileprivate func choice<Choice: RawRepresentable & CaseIterable>(
        _ parameter: SelectionParameter
    ) throws(SelectionError) -> Choice? where Choice.RawValue == String {
        guard let value = self[parameter] else { return nil }
        guard let choice = value.string.flatMap(Choice.init(rawValue:)) else {
            throw wrong(parameter, value, "one of \(Choice.names)")
        }
        return choice
    }

    private func double(_ value: JSON) -> Double? { value.double ?? (isFlat ? value.string.flatMap(Double.init) : nil) }

    fileprivate func wrong(_ parameter: SelectionParameter, _ value: JSON, _ wanted: String) -> SelectionError {
        SelectionError(name(of: parameter), "must be \(wanted), not \(value.kind)")
    }

    fileprivate func missing(_ parameter: SelectionParameter, _ advice: String) -> SelectionError {
        SelectionError(name(of: parameter), "is missing; \(advice)\(form(of: parameter))")
    }
}

extension CaseIterable where Self: RawRepresentable, RawValue == String {
    /// All of them, for errors.
    package static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
}
