/// Why a template could not be parsed or rendered.
package enum JinjaError: Error, Equatable, CustomStringConvertible {
    /// The source is not a template this module understands.
    case syntax(String, line: Int)
    /// An operation failed while rendering.
    case runtime(String, line: Int)
    /// The template itself refused its input through `raise_exception`.
    case raised(String)
    /// The last message cannot be continued.
    case continuation(String)
    /// A bound of `RenderLimits` was reached.
    case limit(String)

    package var description: String {
        switch self {
        case .syntax(let message, let line): "template syntax error in line \(line): \(message)"
        case .runtime(let message, let line): line > 0 ? "template error in line \(line): \(message)" : "template error: \(message)"
        case .raised(let message), .continuation(let message): message
        case .limit(let message): "template stopped: \(message)"
        }
    }
}

extension JinjaError {
    /// A failed operation whose line the interpreter fills in.
    static func failure(_ message: String) -> JinjaError { .runtime(message, line: 0) }

    func located(at line: Int) -> JinjaError {
        if case .runtime(let message, 0) = self { return .runtime(message, line: line) }
        return self
    }
}
