/// One piece of a template's source.
struct Token: Sendable {
    enum Kind: Sendable, Equatable {
        case text(String)
        case variableBegin, variableEnd
        case blockBegin, blockEnd
        case name(String)
        case string(String)
        case integer(Int)
        case double(Double)
        case symbol(String)
        case end
    }

    let kind: Kind
    let line: Int

    /// How a message shows the token.
    var display: String {
        switch kind {
        case .text: "template data"
        case .variableBegin: "'{{'"
        case .variableEnd: "'}}'"
        case .blockBegin: "'{%'"
        case .blockEnd: "'%}'"
        case .name(let name): "'\(name)'"
        case .string: "a string"
        case .integer(let number): "'\(number)'"
        case .double(let number): "'\(number)'"
        case .symbol(let symbol): "'\(symbol)'"
        case .end: "end of template"
        }
    }
}
