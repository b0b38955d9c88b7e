import Foundation

extension Interpreter {
    static let globalFunctions: Set<String> = ["range", "dict", "namespace", "cycler", "joiner", "raise_exception", "strftime_now"]

    func callGlobal(_ name: String, _ arguments: CallArguments) throws(JinjaError) -> Value {
        switch name {
        case "range": return try range(arguments)
        case "dict": return .object(try mapping(arguments, callee: name))
        case "namespace":
            try checkObjectCount()
            let members = try mapping(arguments, callee: name)
            try checkNesting(of: .object(members))
            namespaces.append(members)
            return .runtime(RuntimeObject(kind: .namespace, index: namespaces.count - 1))
        case "cycler":
            try checkObjectCount()
            guard !arguments.positional.isEmpty else { throw .failure("at least one item has to be provided") }
            cyclers.append((arguments.positional, 0))
            return .runtime(RuntimeObject(kind: .cycler, index: cyclers.count - 1))
        case "joiner":
            try checkObjectCount()
            joiners.append((try arguments.bind(name, "sep").text(0, default: ", "), false))
            return .runtime(RuntimeObject(kind: .joiner, index: joiners.count - 1))
        case "raise_exception": throw .raised(try text(of: try arguments.bind(name, "message").required(0)))
        case "strftime_now": return .string(formattedTime(try arguments.bind(name, "format").text(0)))
        default: throw .failure("'\(name)' is undefined")
        }
    }

    private func range(_ arguments: CallArguments) throws(JinjaError) -> Value {
        let bounds = try arguments.bind("range", "start", "stop", "step")
        var (start, stop) = (0, try bounds.integer(0, default: nil))
        if bounds[1] != nil { (start, stop) = (stop, try bounds.integer(1, default: nil)) }
        let step = try bounds.integer(2, default: 1)
        guard step != 0 else { throw .failure("range() arg 3 must not be zero") }
        let limit = 100_000
        let span = Double(stop) - Double(start)
        guard span / Double(step) <= Double(limit) else { throw .failure("range too big: the sandbox allows \(limit) items") }
        let items = stride(from: start, to: stop, by: step).map(Value.int)
        try charge(items.count)
        return .array(items)
    }

    /// `dict(pairs or mapping, **members)`.
    private func mapping(_ arguments: CallArguments, callee: String) throws(JinjaError) -> OrderedObject {
        guard arguments.positional.count <= 1 else { throw .failure("\(callee)() takes at most one positional argument") }
        var object = OrderedObject()
        if let source = arguments.positional.first {
            if case .object(let given) = source {
                object = given
            } else {
                for pair in try elements(of: source) {
                    let parts = try elements(of: pair)
                    guard parts.count == 2, object.insert(parts[0], parts[1]) else {
                        throw .failure("\(callee)() needs pairs of key and value")
                    }
                }
            }
        }
        for (name, value) in arguments.named { object[name] = value }
        return object
    }

    /// The local time in the C locale.
    private func formattedTime(_ format: String) -> String {
        var seconds = time_t(now().timeIntervalSince1970)
        var parts = tm()
        localtime_r(&seconds, &parts)
        var buffer = [CChar](repeating: 0, count: 256 + 16 * format.utf8.count)
        let length = strftime(&buffer, buffer.count, format, &parts)
        return String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
