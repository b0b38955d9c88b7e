import HTTPTypes
import JSONText
import TestRandomness
import Testing

@testable import AdapterRegistry
@testable import Adapters
@testable import Server

/// Header, body and command line say the same of adapters: what one takes all take, as the same value, and what one refuses all refuse.
@Suite struct SelectionSpellingTests {
    private static let limit = 8

    private static func header(_ text: String) throws -> [AdapterSelection]? {
        try AdapterHeader.read([adaptersHeader: text], limit: limit)
    }

    private static func body(_ list: JSON) throws -> [AdapterSelection]? {
        try AdapterFields.read(FieldReader(body: JSONWriter.bytes(["adapters": list])), limit: limit)
    }

    private static func commandLine(_ texts: String...) throws -> [AdapterSelection]? {
        var list = SelectionList(limit: limit)
        for text in texts { try list.add(text: text) }
        return list.selections
    }

    @Test func randomSelectionsAreEqualInAllSpellings() throws {
        var random = SeededRandom()
        for _ in 0..<2000 {
            let selections = Self.selections(using: &random)
            // An empty header names no adapters; an option that names none is left out.
            guard !selections.isEmpty else {
                #expect(try Self.header("") == [] && Self.commandLine() == [] && Self.body([]) == [])
                continue
            }
            let drafts = selections.map(SelectionDraft.init)
            let header = drafts.map { $0.header(using: &random) }.joined(separator: ", ")
            let text = drafts.map { $0.text(using: &random) }.joined(separator: " ,")
            let body = JSON.array(drafts.map { $0.json(using: &random) })
            #expect(try Self.header(header) == selections, "\(header)")
            #expect(try Self.commandLine(text) == selections, "\(text)")
            #expect(try Self.body(body) == selections, "\(JSONWriter.text(body))")
            let written = selections.headerText
            #expect(try Self.header(written) == selections && Self.commandLine(written) == selections, "\(written)")
        }
    }

    @Test func nearMissesAreErrorsInAllSpellings() throws {
        var random = SeededRandom()
        for (parameter, value) in Self.misses {
            for _ in 0..<5 {
                var draft = SelectionDraft(Self.full(using: &random))
                #expect(throws: Never.self) { _ = try Self.header(draft.header(using: &random)) }
                if parameter == "latent" || parameter == "op" || parameter == "value" {
                    draft.edits[0][parameter] = value
                } else {
                    draft.values[parameter] = value
                }
                let (header, text) = (draft.header(using: &random), draft.text(using: &random))
                let body = JSON.array([draft.json(using: &random)])
                #expect(throws: APIError.self, "\(header)") { try Self.header(header) }
                #expect(throws: SelectionError.self, "\(text)") { try Self.commandLine(text) }
                let error = #expect(throws: APIError.self, "\(JSONWriter.text(body))") { try Self.body(body) }
                #expect(error?.param?.hasPrefix("adapters[0]") == true)
            }
        }
    }

    /// What is put in the place of a good value; nil leaves the parameter out.
    private static let misses: [(String, JSON?)] = [
        ("scale", "fast"), ("scale", 1e60), ("scale", "nan"), ("layer", -1), ("layer", 1.5), ("layer", 2_147_483_648), ("layer", "x"),
        ("at", "head"), ("mode", "juggle"), ("top", -1), ("top", 0.5), ("top", 1e12), ("scope", "some"), ("scope", "prompt+generated"),
        ("from", -1), ("to", 1.25), ("to", 0), ("from", 2_147_483_648), ("latent", -1), ("latent", nil), ("latent", 1e10), ("op", nil),
        ("op", "explode"), ("value", nil), ("value", "much"), ("value", -1e60), ("when", nil), ("when", -2), ("when", "x"),
        ("above", nil), ("above", -0.5), ("above", "inf"), ("when-adapter", ""), ("when-layer", -1), ("when-at", "head"),
        ("strength", 2), ("Scale", 2),
    ]

    /// Flat members have one edit each, and a further member is one more edit of the same SAE as far as it says nothing else; in a body that is a list.
    @Test func editsOfOneSAE() throws {
        let (one, other): (JSON, JSON) = (["latent": 1, "op": "ablate"], ["latent": 2, "op": "add", "value": 3])
        let cases: [(flat: String, body: JSON)] = [
            (
                "s;layer=12;scope=prompt;scale=2;latent=1;op=ablate, x, s;latent=2;op=add;value=3",
                [["name": "s", "layer": 12, "scope": "prompt", "scale": 2, "edits": [one, other]], "x"]
            ),
            (
                "s;scale=1;latent=1;op=ablate, s;scale=2;latent=2;op=add;value=3",
                [["name": "s", "scale": 1, "edits": [one]], ["name": "s", "scale": 2, "edits": [other]]]
            ),
            (
                "s;scope=prompt;latent=1;op=ablate, s;scope=generated;latent=2;op=add;value=3",
                [["name": "s", "scope": "prompt", "edits": [one]], ["name": "s", "scope": "generated", "edits": [other]]]
            ),
            (
                "s;scope=prompt;latent=1;op=ablate, s;scope=all;latent=2;op=add;value=3",
                [["name": "s", "scope": "prompt", "edits": [one]], ["name": "s", "edits": [other]]]
            ),
            (
                "s;from=0;latent=1;op=ablate, s;to=9;latent=2;op=add;value=3",
                [["name": "s", "scope": ["from": 0], "edits": [one]], ["name": "s", "scope": ["to": 9], "edits": [other]]]
            ),
            (
                "s;when=5;above=1;latent=1;op=ablate, s;latent=2;op=add;value=3",
                [["name": "s", "when": ["latent": 5, "above": 1], "edits": [one]], ["name": "s", "edits": [other]]]
            ),
            (
                "s;top=3;latent=1;op=ablate, s;top=4;latent=2;op=add;value=3",
                [["name": "s", "top": 3, "edits": [one]], ["name": "s", "top": 4, "edits": [other]]]
            ),
            // Neighbours in a body that say the same are one, as they are in a header.
            ("s;latent=1;op=ablate, s;latent=2;op=add;value=3", [["name": "s", "edits": [one]], ["name": "s", "edits": [other]]]),
            ("s;latent=1;op=ablate, s;mode=observe", [["name": "s", "edits": [one]], ["name": "s", "mode": "observe"]]),
        ]
        for item in cases {
            let wanted = try Self.body(item.body)
            #expect(try Self.header(item.flat) == wanted, "\(item.flat)")
            #expect(try Self.commandLine(item.flat) == wanted, "\(item.flat)")
        }
        // An option that is repeated is a header of several lines.
        #expect(
            try Self.commandLine("s;scale=2;latent=1;op=ablate", "s;latent=2;op=add;value=3")
                == Self.header("s;scale=2;latent=1;op=ablate, s;latent=2;op=add;value=3"))
    }

    /// Adapters count once their edits are together, wherever they are written.
    @Test func theLimit() throws {
        let edits = (0..<30).map { "s;latent=\($0);op=ablate" }.joined(separator: ",")
        let objects = JSON.array((0..<30).map { ["name": "s", "edits": [["latent": .int($0), "op": "ablate"]]] })
        #expect(try Self.header(edits)?.count == 1)
        #expect(try Self.commandLine(edits) == Self.header(edits) && Self.body(objects) == Self.header(edits))
        let names = (0...Self.limit).map { "a\($0)" }
        #expect(throws: APIError.self) { try Self.header(names.joined(separator: ",")) }
        #expect(throws: SelectionError.self) { try Self.commandLine(names.joined(separator: ",")) }
        #expect(throws: APIError.self) { try Self.body(.array(names.map { .string($0) })) }
    }

    @Test func windowsAndNumbersAreTheSameEverywhere() throws {
        let windows: [(flat: String, body: JSON, scope: InterventionScope)] = [
            ("s;from=3", ["from": 3], .window(3..<Int(Int32.max))), ("s;to=3", ["to": 3], .window(0..<3)),
            ("s;scope=prompt", ["in": "prompt"], .prompt), ("s;from=2;to=2", ["from": 2, "to": 2], .window(2..<2)),
            ("s;from=2.0;to=\"7\"", ["from": 2.0, "to": 7], .window(2..<7)),
        ]
        for item in windows {
            let wanted = [AdapterSelection(name: "s", scope: item.scope)]
            #expect(try Self.header(item.flat) == wanted, "\(item.flat)")
            #expect(try Self.commandLine(item.flat) == wanted, "\(item.flat)")
            #expect(try Self.body([["name": "s", "scope": item.body]]) == wanted, "\(item.flat)")
        }
    }

    @Test(arguments: [
        "", ",", "a,", "a;", "a;;b", ";scale=1", "a;scale", "a;scale=", "a;scale=1=2", "a;scale=1;scale=2", "\"open", "a;scale=\"1", "a\"b",
        "\"a\"b", "%\"%zz\"", "a;=1",
    ])
    func textsThatAreNoList(_ text: String) {
        #expect(throws: SelectionError.self) { try Self.commandLine(text) }
    }

    @Test func namesNeedQuotesOnlyForWhatSeparates() throws {
        #expect(
            try Self.commandLine(#"3x, 0.5, we ird, "a,b;c=\"d\"\\", naïve, %"na%c3%afve", a:b/c"#)?.map(\.name)
                == ["3x", "0.5", "we ird", #"a,b;c="d"\"#, "naïve", "naïve", "a:b/c"])
        #expect(try Self.commandLine("a; scale = 0.00025 ;mode=edit")?.first == AdapterSelection(name: "a", scale: 0.00025, mode: .edit))
    }

    // MARK: - Drawing

    private static let names = ["math", "r1-sae", "3x", "sums:v2", "naïve", "we ird", #"q"u\ote"#, "a,b;c=d", "*star", "50%"]

    private static func float(using random: inout SeededRandom) -> Float {
        switch Int.random(in: 0..<3, using: &random) {
        case 0: Float(Int.random(in: -20...20, using: &random))
        case 1: Float(Int.random(in: -4000...4000, using: &random)) / 8
        default: Float(bitPattern: UInt32.random(in: 0x3000_0000...0x4F00_0000, using: &random))
        }
    }

    /// With everything that can be said.
    private static func full(using random: inout SeededRandom) -> AdapterSelection {
        func index() -> Int { Int.random(in: 1...40, using: &random) }
        let start = index()
        let other = names.randomElement(using: &random) ?? ""
        return AdapterSelection(
            name: names.randomElement(using: &random) ?? "", scale: float(using: &random), layer: index(),
            at: HookPoint.Site.allCases.randomElement(using: &random), mode: InterventionMode.allCases.randomElement(using: &random),
            edits: (0..<Int.random(in: 1...3, using: &random)).map { _ in
                let op = LatentEdit.Operation.allCases.filter { $0 != .ablate }.randomElement(using: &random) ?? .set
                return LatentEdit(latent: index(), op: op, value: float(using: &random))
            },
            scope: InterventionScope(
                [.all, .prompt, .generated].randomElement(using: &random) ?? .all, isInsideThink: Bool.random(using: &random),
                positions: start..<(start + index())),
            when: ConditionSelection(
                latent: index(), above: abs(float(using: &random)), adapter: other, layer: index(),
                at: HookPoint.Site.allCases.randomElement(using: &random)),
            top: index())
    }

    /// Up to four, each with some of everything. Those of one adapter have edits under different conditions, so that none joins another.
    private static func selections(using random: inout SeededRandom) -> [AdapterSelection] {
        var list: [AdapterSelection] = []
        for place in 0..<Int.random(in: 0...4, using: &random) {
            var selection = full(using: &random)
            func drops() -> Bool { Bool.random(using: &random) }
            if drops() { selection.scale = nil }
            if drops() { selection.layer = nil }
            if drops() { selection.at = nil }
            if drops() { selection.mode = nil }
            if drops() { selection.top = nil }
            if drops() { selection.edits = [] }
            if drops() { selection.edits.append(LatentEdit(latent: Int(Int32.max), op: .ablate)) }
            if drops() { selection.scope.positions = nil }
            if drops() { selection.scope.positions = 0..<Int(Int32.max) }
            if drops() { selection.scope = .all }
            if drops() { selection.when?.adapter = nil }
            if drops() { selection.when?.layer = nil }
            if drops() { selection.when?.at = nil }
            selection.when?.latent = 100 + place
            if place == 0, drops() { selection.when = nil }
            list.append(selection)
        }
        return list
    }
}

/// One selection on its way into a spelling: the parameters by the names of flat spellings. Written here once more, by other code than what reads
/// them.
private struct SelectionDraft {
    let name: String
    var values: [String: JSON] = [:]
    var edits: [[String: JSON]] = []

    init(_ selection: AdapterSelection) {
        name = selection.name
        values["scale"] = selection.scale.map { .double(Double($0)) }
        values["layer"] = selection.layer.map { .int($0) }
        values["at"] = selection.at.map { .string($0.rawValue) }
        values["mode"] = selection.mode.map { .string($0.rawValue) }
        values["top"] = selection.top.map { .int($0) }
        if selection.scope.part != .all || selection.scope.isInsideThink { values["scope"] = .string(selection.scope.name) }
        values["from"] = selection.scope.positions.map { .int($0.lowerBound) }
        if let end = selection.scope.positions?.upperBound, end < Int(Int32.max) { values["to"] = .int(end) }
        values["when"] = selection.when.map { .int($0.latent) }
        values["above"] = selection.when.map { .double(Double($0.above)) }
        values["when-adapter"] = selection.when?.adapter.map { .string($0) }
        values["when-layer"] = selection.when?.layer.map { .int($0) }
        values["when-at"] = selection.when?.at.map { .string($0.rawValue) }
        edits = selection.edits.map { edit in
            var values: [String: JSON] = ["latent": .int(edit.latent), "op": .string(edit.op.rawValue)]
            if edit.op != .ablate { values["value"] = .double(Double(edit.value)) }
            return values
        }
    }

    private func members(_ name: String, using random: inout SeededRandom, _ spell: (JSON) -> String) -> String {
        (edits.isEmpty ? [[:]] : edits).map { edit in
            let pairs = values.merging(edit) { own, _ in own }.sorted { $0.key < $1.key }.shuffled(using: &random)
            return ([name] + pairs.map { "\($0.key)=\(spell($0.value))" }).joined(separator: ";")
        }.joined(separator: ", ")
    }

    /// Integers and short decimals as such or as strings, other numbers as strings.
    func header(using random: inout SeededRandom) -> String {
        var letters = random
        let text = members(Self.quoted(name, always: false), using: &random) { value in
            guard let number = value.double else { return Self.quoted(value.string ?? "", always: false) }
            let eighths = number * 8
            guard abs(number) < 1e6, eighths == eighths.rounded(), Bool.random(using: &letters) else { return "\"\(Self.digits(value))\"" }
            return Self.digits(value)
        }
        return text
    }

    private static func digits(_ value: JSON) -> String {
        switch value {
        case .double(let number): Float(number).isFinite ? "\(Float(number))" : "\(number)"
        default: JSONWriter.text(value)
        }
    }

    private static func quoted(_ text: String, always: Bool) -> String {
        if !always, text.first?.isLetter == true, text.utf8.allSatisfy({ $0 < 0x80 }), !text.contains(where: { " \",;=\\%".contains($0) }) {
            return text
        }
        guard text.utf8.contains(where: { $0 >= 0x80 }) else {
            return "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
        }
        return "%\"" + text.utf8.map { $0 < 0x80 ? String(UnicodeScalar($0)) : "%" + String($0, radix: 16) }.joined() + "\""
    }

    /// Nothing quoted but what separates.
    func text(using random: inout SeededRandom) -> String {
        func spell(_ text: String) -> String {
            text.isEmpty || text.contains(where: { "\",;=\\".contains($0) }) ? Self.quoted(text, always: true) : text
        }
        return members(spell(name), using: &random) { spell($0.string ?? Self.digits($0)) }
    }

    func json(using random: inout SeededRandom) -> JSON {
        var members: [(key: String, value: JSON)] = [("name", .string(name))]
        var (scope, when) = (JSONObject(), JSONObject())
        for (key, value) in values.sorted(by: { $0.key < $1.key }).shuffled(using: &random) {
            switch key {
            case "from", "to": scope[key] = value
            case "scope": scope["in"] = value
            case "when": when["latent"] = value
            case "above": when["above"] = value
            case "when-adapter", "when-layer", "when-at": when[String(key.dropFirst("when-".count))] = value
            default: members.append((key, value))
            }
        }
        if scope.keys == ["in"], let name = scope["in"], Bool.random(using: &random) {
            members.append(("scope", name))
        } else if !scope.keys.isEmpty {
            members.append(("scope", .object(scope)))
        }
        if !when.keys.isEmpty { members.append(("when", .object(when))) }
        let edits = edits.map { edit in JSON.object(JSONObject(edit.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value) })) }
        if !edits.isEmpty { members.append(("edits", .array(edits))) }
        let object = JSON.object(JSONObject(members.shuffled(using: &random)))
        return members.count == 1 && Bool.random(using: &random) ? .string(name) : object
    }
}
