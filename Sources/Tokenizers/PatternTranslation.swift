/// Rewrites a regular expression from Oniguruma's language (Ruby syntax) to PCRE2's, where the two differ in what they match.
///
/// - `\s` and `\S`: PCRE2 adds U+180E to Unicode's White_Space.
/// - `\w` and `\W`: PCRE2 leaves out marks, connectors and letter-like symbols.
/// - `\h`: a hexadecimal digit here, a blank there.
/// - Class intersection `&&`, nested classes and `{n,m}+` (repetition of a repetition here, possessive there) are refused.
enum PatternTranslation {
    private static let space = "\\x{9}-\\x{d} \\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}"
    private static let noSpace =
        "\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{84}\\x{86}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}"
        + "\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{10ffff}"
    /// With the superscripts and fractions of Latin-1, which Oniguruma counts and other numbers of category No it does not.
    private static let word = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\x{b2}\\x{b3}\\x{b9}\\x{bc}-\\x{be}"

    static func translate(_ source: String) throws(TokenizerError) -> String {
        var output = ""
        var characters = Array(source.unicodeScalars)[...]
        var inClass = false
        /// A `]` right after the opening bracket stands for itself.
        var classStart = false
        while let character = characters.popFirst() {
            let wasClassStart = classStart
            classStart = false
            switch character {
            case "\\":
                guard let escaped = characters.popFirst() else { throw .pattern(source, reason: "it ends in a backslash") }
                output += try translate(escape: escaped, inClass: inClass, source)
            case "[" where inClass:
                if characters.first == ":" {
                    output.unicodeScalars.append(character)
                } else {
                    throw .pattern(source, reason: "character classes inside character classes are not supported")
                }
            case "&" where inClass && characters.first == "&":
                throw .pattern(source, reason: "the intersection of character classes (&&) is not supported")
            case "[":
                inClass = true
                classStart = true
                output.unicodeScalars.append(character)
                if characters.first == "^" {
                    characters.removeFirst()
                    output += "^"
                }
            case "]" where inClass && !wasClassStart:
                inClass = isPosixEnd(output)
                output.unicodeScalars.append(character)
            case "}" where !inClass && characters.first == "+" && isInterval(output):
                throw .pattern(source, reason: "{n,m}+ means different things to different engines; write (?:x{n,m})+ or (?>x{n,m})")
            default:
                output.unicodeScalars.append(character)
            }
        }
        return output
    }

    private static func translate(escape: Unicode.Scalar, inClass: Bool, _ source: String) throws(TokenizerError) -> String {
        switch escape {
        case "s": return inClass ? space : "[\(space)]"
        case "S": return inClass ? noSpace : "[\(noSpace)]"
        case "w": return inClass ? word : "[\(word)]"
        case "W":
            if inClass { throw .pattern(source, reason: "\\W inside a character class is not supported") }
            return "[^\(word)]"
        case "h": return inClass ? "0-9a-fA-F" : "[0-9a-fA-F]"
        case "H":
            if inClass { throw .pattern(source, reason: "\\H inside a character class is not supported") }
            return "[^0-9a-fA-F]"
        default:
            var text = "\\"
            text.unicodeScalars.append(escape)
            return text
        }
    }

    /// Whether `output` ends in an open `[:name:`.
    private static func isPosixEnd(_ output: String) -> Bool {
        guard output.hasSuffix(":"), let bracket = output.lastIndex(of: "[") else { return false }
        let name = output[bracket...].dropFirst().dropLast()
        return name.count > 1 && name.first == ":" && name.dropFirst().allSatisfy { $0.isLetter || $0 == "^" }
    }

    /// Whether `output` ends in an open `{n,m`.
    private static func isInterval(_ output: String) -> Bool {
        guard let brace = output.lastIndex(of: "{") else { return false }
        let inside = output[output.index(after: brace)...]
        let isEscaped = output[..<brace].reversed().prefix { $0 == "\\" }.count % 2 == 1
        return !isEscaped && !inside.isEmpty && inside.allSatisfy { $0.isNumber || $0 == "," }
    }
}
