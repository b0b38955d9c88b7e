/// What commands and characters are: which only look, which are written in several ways.
extension MathLexer {
    static let spaces: Set<String> = [
        ",", ";", ":", " ", "!", "quad", "qquad", "left", "right", "big", "Big", "bigl", "bigr", "Bigl", "Bigr", "bigg", "Bigg",
        "displaystyle", "textstyle", "limits", "mathstrut", "hspace", "thinspace", "negthinspace", "(", ")", "[", "]",
    ]
    static let fonts: Set<String> = [
        "mathbf", "mathit", "mathcal", "mathsf", "boldsymbol", "bm", "ensuremath", "phantom", "boxed", "fbox", "mathbb",
    ]
    static let texts: Set<String> = [
        "text", "textbf", "textit", "textrm", "mbox", "hbox", "mathrm", "operatorname", "texttt", "rm",
    ]
    static let aliases: [String: String] = [
        "dfrac": "frac", "tfrac": "frac", "cfrac": "frac", "nicefrac": "frac", "sfrac": "frac", "leq": "le", "geq": "ge", "leqslant": "le",
        "geqslant": "ge", "neq": "ne",
        "lbrace": "{", "rbrace": "}", "lbrack": "[", "rbrack": "]", "dbinom": "binom", "tbinom": "binom", "textdegree": "degree",
        "lvert": "vert",
        "rvert": "vert", "mid": "vert", "arcsin": "arcsin", "varnothing": "emptyset", "colon": ":", "ast": "cdot", "lg": "log",
        "ldots": "dots", "cdots": "dots", "dotsc": "dots", "dotsb": "dots", "dotsm": "dots", "dotso": "dots", "hdots": "dots",
        "textellipsis": "dots", "pounds": "sterling", "textsterling": "sterling", "texteuro": "euro", "textdollar": "dollar",
        "measuredangle": "angle", "sphericalangle": "angle",
    ]
    static let plainCommands: Set<String> = [
        "sqrt", "pi", "sin", "cos", "tan", "cot", "sec", "csc", "ln", "log", "exp", "arcsin", "arccos", "arctan", "infty", "theta", "alpha",
        "beta",
    ]
    static let unicode: [Character: MathToken.Kind] = [
        // Hyphens, dashes and the sign itself.
        "\u{2010}": .sign("-"), "\u{2011}": .sign("-"), "\u{2012}": .sign("-"), "\u{2013}": .sign("-"), "\u{2014}": .sign("-"),
        "\u{2015}": .sign("-"), "\u{2212}": .sign("-"), "\u{FE63}": .sign("-"), "\u{FF0D}": .sign("-"),
        "×": .command("times"), "·": .command("cdot"), "⋅": .command("cdot"), "∙": .command("cdot"), "∗": .command("cdot"),
        "÷": .command("div"), "\u{2044}": .sign("/"), "\u{2215}": .sign("/"), "\u{2236}": .sign(":"), "’": .sign("'"),
        "√": .command("sqrt"), "π": .command("pi"), "∞": .command("infty"), "≤": .command("le"), "≥": .command("ge"), "≠": .command("ne"),
        "∪": .command("cup"), "∩": .command("cap"), "∈": .command("in"), "±": .command("pm"), "∓": .command("mp"),
        "∅": .command("emptyset"), "∠": .command("angle"), "∡": .command("angle"), "△": .command("triangle"), "‖": .command("Vert"),
        "⟨": .sign("("), "⟩": .sign(")"), "θ": .command("theta"), "α": .command("alpha"), "β": .command("beta"),
        "°": .command("degree"), "º": .command("degree"), "˚": .command("degree"), "…": .command("dots"), "⋯": .command("dots"),
        "€": .command("euro"), "£": .command("sterling"), "¥": .command("yen"), "₹": .command("rupee"),
        // The wide forms that Chinese text uses.
        "％": .sign("%"), "，": .sign(","), "；": .sign(";"), "：": .sign(":"), "（": .sign("("), "）": .sign(")"), "＝": .sign("="),
        "＋": .sign("+"), "／": .sign("/"), "＜": .sign("<"), "＞": .sign(">"),
    ]
    /// Marks of direction and places where a line may break: nobody sees them.
    static let invisible: Set<Character> = ["\u{200B}", "\u{200E}", "\u{200F}", "\u{2060}", "\u{FEFF}"]
    static let fractions: [Character: (above: Character, below: String)] = [
        "½": ("1", "2"), "⅓": ("1", "3"), "⅔": ("2", "3"), "¼": ("1", "4"), "¾": ("3", "4"), "⅕": ("1", "5"), "⅖": ("2", "5"),
        "⅗": ("3", "5"), "⅘": ("4", "5"), "⅙": ("1", "6"), "⅚": ("5", "6"), "⅐": ("1", "7"), "⅛": ("1", "8"), "⅜": ("3", "8"),
        "⅝": ("5", "8"), "⅞": ("7", "8"), "⅑": ("1", "9"), "⅒": ("1", "10"),
    ]
    static let superscripts: [Character: MathToken.Kind] = {
        var kinds = digits("⁰¹²³⁴⁵⁶⁷⁸⁹")
        for (character, kind) in [("⁻", MathToken.Kind.sign("-")), ("⁺", .sign("+")), ("ⁿ", .letter("n"))] {
            kinds[Character(character)] = kind
        }
        return kinds
    }()
    static let subscripts = digits("₀₁₂₃₄₅₆₇₈₉")

    private static func digits(_ characters: String) -> [Character: MathToken.Kind] {
        Dictionary(uniqueKeysWithValues: zip(characters, "0123456789".map(MathToken.Kind.digit)))
    }
}
