import Checkpoints
import JSONText

/// Reading which layers see no further than a window.
extension ModelConfig {
    /// `layer_types` decides where it is given; else the architecture's rule.
    mutating func readWindows(_ json: JSON) throws(JSONError) {
        let window = try window(json)
        if let types = try json.optionalStrings("layer_types"), types.count >= layers {
            block.layers = []
            for type in types.prefix(layers) {
                switch type {
                case "full_attention": block.layers.append(.init())
                case "sliding_attention":
                    guard let window else {
                        throw JSONError(place: "layer_types", got: type, wanted: "full_attention where sliding_window gives no window")
                    }
                    block.layers.append(.init(window: window))
                default:
                    throw JSONError(
                        place: "layer_types", got: type, wanted: "full_attention or sliding_attention; others are not supported")
                }
            }
            if block.layers.allSatisfy({ $0.window == nil }) { block.layers = [] }
            return
        }
        guard let window else { return }
        switch family.windows {
        case .refused:
            throw JSONError(place: "sliding_window", got: "\(window)", wanted: "none: models of \(family) see everything before")
        case .all: setWindows(window) { _ in true }
        case .optIn:
            // transformers' default of max_window_layers.
            let first = try json.optionalInt("max_window_layers") ?? 28
            setWindows(window) { $0 >= first }
        case .allButEvery(let period, _):
            var period = period
            for key in ["_sliding_window_pattern", "sliding_window_pattern"] { period = try json.optionalInt(key) ?? period }
            guard period > 0 else { throw JSONError(place: "sliding_window_pattern", got: "\(period)", wanted: "a positive number") }
            setWindows(window) { ($0 + 1) % period != 0 }
        }
    }

    /// The window of layers that have one; nil where none can have.
    private func window(_ json: JSON) throws(JSONError) -> Int? {
        var window = try json.optionalInt("sliding_window")
        switch family.windows {
        case .refused: if try json.optionalBool("use_sliding_window") == false { return nil }
        case .optIn: guard try json.optionalBool("use_sliding_window") ?? false else { return nil }
        case .all(let absent): if json["sliding_window"] == nil { window = absent }
        case .allButEvery(_, let absent): window = window ?? absent
        }
        if let window, window < 1 { throw JSONError(place: "sliding_window", got: "\(window)", wanted: "a positive number or null") }
        return window
    }

    /// What a GGUF file says of them: one number, for the layers that the architecture's rule names.
    mutating func readWindows(_ keys: GGUFKeys, _ prefix: String) throws(CheckpointError) {
        let key = prefix + "attention.sliding_window"
        var window = try keys.optionalInt(key)
        if case .allButEvery(_, let absent) = family.windows { window = window ?? absent }
        guard let window, window != 0 else { return }
        guard window > 0 else {
            throw .malformed(file: keys.file.path, what: "key \(key)", got: "\(window)", wanted: "a number that is not negative")
        }
        switch family.windows {
        case .refused, .optIn:
            throw .unsupported(
                file: keys.file.path, what: "sliding-window attention (\(window))", advice: "use a model with full attention")
        case .all: setWindows(window) { _ in true }
        case .allButEvery(let period, _): setWindows(window) { ($0 + 1) % period != 0 }
        }
    }

    private mutating func setWindows(_ window: Int, _ slides: (_ layer: Int) -> Bool) {
        block.layers = (0..<layers).map { .init(window: slides($0) ? window : nil) }
        if block.layers.allSatisfy({ $0.window == nil }) { block.layers = [] }
    }
}
