// Jinja: the template language of chat templates.
//
// Owns the lexer, the parser, the interpreter and the Python-like values they work on, and `ChatTemplate`, which renders
// messages the way `transformers` does: jinja2's immutable sandbox with `trim_blocks`, `lstrip_blocks` and loop controls.
// It must not know models, tokenizers or HTTP.

import Foundation

/// A parsed template. Parsing happens once; rendering is thread-safe and may run concurrently.
package struct Template: Sendable {
    let body: [Statement]

    /// Parses `source`.
    /// - Throws: `JinjaError.syntax` with the line, or `JinjaError.limit` when the source is nested too deeply.
    package init(_ source: String) throws(JinjaError) {
        var lexer = Lexer(source)
        var parser = Parser(tokens: try lexer.tokenize())
        body = try parser.parseTemplate()
    }

    /// Renders the template with `context` as its variables.
    /// - Parameters:
    ///   - limits: bounds on work, output and nesting, so that a hostile template ends with an error.
    ///   - now: the clock behind `strftime_now`.
    /// - Throws: `JinjaError`: `.runtime` with the line, `.raised` from `raise_exception`, `.limit`.
    package func render(
        _ context: [String: Value], limits: RenderLimits = .standard, now: @escaping @Sendable () -> Date = { Date() }
    ) throws(JinjaError) -> String {
        let interpreter = Interpreter(context: context, limits: limits, now: now)
        return try interpreter.run(body)
    }
}

/// What one rendering may use up.
package struct RenderLimits: Sendable {
    /// Evaluated nodes, touched list elements and every 8 bytes of text handled each count as one step.
    package var steps: Int
    /// Bytes of UTF-8 in the output, and in any one string on the way to it.
    package var outputBytes: Int
    /// Nested evaluations: expressions, blocks, macro calls.
    package var depth: Int

    package init(steps: Int, outputBytes: Int, depth: Int) {
        self.steps = steps
        self.outputBytes = outputBytes
        self.depth = depth
    }

    /// A few seconds of work at most; a chat of a thousand messages needs well under one percent of it.
    package static let standard = RenderLimits(steps: 20_000_000, outputBytes: 16 << 20, depth: 400)

    static let bytesPerStep = 8

    /// Nesting of expressions and blocks the parser accepts, and of values a variable may hold.
    static let syntaxDepth = 60
    static let valueDepth = 200
}
