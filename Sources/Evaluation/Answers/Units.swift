/// Names of units, one spelling for each.
enum Units {
    private static let spellings: [String: [String]] = [
        "inch": ["in", "inches"], "foot": ["ft", "feet"], "yard": ["yd", "yards"], "mile": ["mi", "miles"],
        "millimeter": ["mm", "millimeters", "millimetre", "millimetres"],
        "centimeter": ["cm", "centimeters", "centimetre", "centimetres"], "meter": ["m", "meters", "metre", "metres"],
        "kilometer": ["km", "kilometers", "kilometre", "kilometres"], "gram": ["g", "grams"], "kilogram": ["kg", "kilograms"],
        "milligram": ["mg", "milligrams"], "pound": ["lb", "lbs", "pounds"], "ounce": ["oz", "ounces"],
        "liter": ["l", "liters", "litre", "litres"], "milliliter": ["ml", "milliliters"], "second": ["s", "sec", "secs", "seconds"],
        "minute": ["min", "mins", "minutes"], "hour": ["h", "hr", "hrs", "hours"], "day": ["days"], "week": ["weeks"], "month": ["months"],
        "year": ["yr", "yrs", "years"], "dollar": ["dollars", "usd"], "cent": ["cents"], "degree": ["deg", "degrees"], "unit": ["units"],
        "radian": ["rad", "radians"], "mph": [], "percent": ["pct"], "euro": ["eur", "euros"], "rupee": ["rs", "inr", "rupees"],
        "yen": ["jpy"],
        "celsius": [], "fahrenheit": [],
    ]
    private static let names: [String: String] = {
        var names: [String: String] = [:]
        for (name, others) in spellings { for other in others + [name] { names[other] = name } }
        return names
    }()

    /// Whether a word after a number, written as plain letters, is surely a unit.
    static func isUnit(_ word: String) -> Bool { word.count > 1 && names[word.lowercased()] != nil }

    /// Signs of currencies, by the name that the lexer gives them.
    static let currencies = ["dollar": "dollar", "euro": "euro", "sterling": "pound", "yen": "yen", "rupee": "rupee"]

    private static let powersOfTen = [
        "hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12, "lakh": 5, "crore": 7,
    ]

    /// The power of ten that a unit begins with, and what is left of the unit: `million dollar` is 6 and `dollar`.
    static func magnitude(_ unit: String) -> (exponent: Int, rest: String)? {
        let words = unit.split(separator: " ", maxSplits: 1).map(String.init)
        guard let first = words.first, let exponent = powersOfTen[first] ?? powersOfTen[String(first.dropLast())] else { return nil }
        return (exponent, words.count > 1 ? words[1] : "")
    }

    /// Whether a letter or word with an exponent behind it is a unit rather than a variable.
    static func isSymbol(_ word: String) -> Bool { names[word.lowercased()] != nil }

    /// One spelling: singular, `squared` and `cubed` as exponents, `per` as a stroke, `units` as no unit.
    static func normalised(_ text: String) -> String {
        var words: [String] = []
        var power = ""
        var text = text.lowercased().replacing("/", with: " per ").replacing("mph", with: "miles per hour")
        if text == "per cent" || text.hasPrefix("per cent ") { text = "percent" + text.dropFirst(8) }
        for word
            in text
            .split(whereSeparator: { $0 == " " || $0 == "." || $0 == "-" }).map(String.init)
        {
            switch word {
            case "square", "sq", "squared": power = "^2"
            case "cubic", "cubed": power = "^3"
            case "of", "the", "a", "an": continue
            default:
                let (stem, exponent) = split(word)
                words.append((names[stem] ?? (stem.count > 3 && stem.hasSuffix("s") ? String(stem.dropLast()) : stem)) + exponent)
            }
        }
        words.removeAll { $0 == "unit" }
        if !power.isEmpty {
            if words.isEmpty { return "" }
            words[0] += power
        }
        return words.joined(separator: " ")
    }

    /// `cm^2` as `cm` and `^2`.
    private static func split(_ word: String) -> (String, String) {
        guard let caret = word.firstIndex(of: "^") else { return (word, "") }
        return (String(word[..<caret]), String(word[caret...]))
    }
}
