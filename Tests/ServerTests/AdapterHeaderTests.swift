import AdapterRegistry
import HTTPTypes
import Testing

@testable import Adapters
@testable import Server

@Suite struct AdapterHeaderTests {
    private func read(_ lines: String...) throws(APIError) -> [AdapterSelection]? {
        var headers = HTTPFields()
        for line in lines { headers.append(HTTPField(name: adaptersHeader, value: line)) }
        return try AdapterHeader.read(headers, limit: 4)
    }

    private func body(_ json: String) throws -> [AdapterSelection]? {
        try AdapterFields.read(FieldReader(body: Array("{\"adapters\": \(json)}".utf8)), limit: 4)
    }

    @Test func absentIsNilAndEmptyIsNone() throws {
        #expect(try read() == nil)
        #expect(try read("") == [])
        #expect(try body("null") == nil)
        #expect(try body("[]") == [])
    }

    @Test func readsTheDesignsExample() throws {
        let selections = try read("qwen-math;scale=0.8, r1-sae;layer=12;mode=splice")
        #expect(
            selections == [AdapterSelection(name: "qwen-math", scale: 0.8), AdapterSelection(name: "r1-sae", layer: 12, mode: .splice)])
        #expect(try read("qwen-math;scale=0.8", "r1-sae;layer=12;mode=splice") == selections)
        #expect(
            try body(#"[{"name": "qwen-math", "scale": 0.8}, {"name": "r1-sae", "layer": 12, "mode": "splice"}]"#) == selections)
    }

    @Test func headerAndBodySayTheSame() throws {
        let header = try read(
            #"s;layer=12;at=resid;mode=edit;scale=2;latent=5;op=add;value=6.5, s;latent=9;op=ablate, "3x";top=4;scope=prompt"#)
        let fields = try body(
            #"""
            [{"name": "s", "layer": 12, "at": "resid", "mode": "edit", "scale": 2,
              "edits": [{"latent": 5, "op": "add", "value": 6.5}, {"latent": 9, "op": "ablate"}]},
             {"name": "3x", "top": 4, "scope": "prompt"}]
            """#)
        #expect(header == fields)
        #expect(header?.first?.edits.count == 2)
        #expect(try read("s;from=3;to=9") == body(#"[{"name": "s", "scope": {"from": 3, "to": 9}}]"#))
        let inside = InterventionScope(.generated, isInsideThink: true, positions: 3..<9)
        #expect(try read("s;scope=think+generated;from=3;to=9")?[0].scope == inside)
        #expect(try body(#"[{"name": "s", "scope": {"in": "generated+think", "from": 3, "to": 9}}]"#)?[0].scope == inside)
        #expect(try read("s;scope=think") == body(#"[{"name": "s", "scope": "think"}]"#))
        #expect(try read("s;scope=all;from=1")?[0].scope == .window(1..<Int(Int32.max)))
        #expect(try read("s;scope=prompt;from=1") == body(#"[{"name": "s", "scope": {"in": "prompt", "from": 1}}]"#))
        #expect(try read(#"s;latent=1;op=set;value="0.00025""#)?[0].edits[0].value == 0.00025)
    }

    @Test func conditions() throws {
        #expect(try read("s;mode=splice;when=12;above=1.5")?[0].when == ConditionSelection(latent: 12, above: 1.5))
        let other = ConditionSelection(latent: 3, above: 0, adapter: "r1-sae", layer: 8, at: .mlp)
        #expect(try read("s;when=3;above=0;when-adapter=r1-sae;when-layer=8;when-at=mlp")?[0].when == other)
        #expect(
            try body(#"[{"name": "s", "when": {"latent": 3, "above": 0, "adapter": "r1-sae", "layer": 8, "at": "mlp"}}]"#)?[0].when == other
        )
        #expect(try body(#"[{"name": "s", "when": null}]"#)?[0].when == nil)
        // An edit belongs to those with the very same condition.
        let header = try read(
            "s;latent=1;op=ablate;when=5;above=1, s;latent=2;op=ablate, s;latent=3;op=ablate;when=5;above=1, s;latent=4;op=ablate")
        #expect(header?.map(\.when) == [ConditionSelection(latent: 5, above: 1), nil])
        #expect(header?.map { $0.edits.map(\.latent) } == [[1, 3], [2, 4]])
        let condition = AppliedCondition(adapter: "s", digest: "", hookpoint: .residual(layer: 1), latent: 5, above: 1)
        let report = AppliedReport(
            name: "s", digest: "d", kind: .sae, hookpoint: .residual(layer: 1), mode: .splice, edits: [], condition: condition)
        #expect(ResaFields.header([report]) == #"s;digest="d";kind=sae;mode=splice;layer=1;at=resid;when=5"#)
    }

    @Test(arguments: [
        "a;;b", "(a)", "\"open", "a;scale=fast", "a;scale=nan", "a;layer=-1", "a;layer=1.5", "a;mode=juggle", "a;at=head", "a;op=add",
        "a;latent=1",
        "a;latent=1;op=add", "a;latent=1;op=explode;value=1", "a;strength=2", "a;scope=some", "a;scope=prompt+generated",
        "a;scope=think;from=9;to=1", "a;when=1", "a;above=1",
        "a;when=1;above=-1", "a;when=x;above=1", "a;when-layer=1", "a;when=1;above=1;when-at=head", "a;when=1;above=1;when-adapter=2",
        "a;from=9;to=1", "12",
        "a, b, c, d, e", "a;latent=1;op=ablate;mode=juggle, a;latent=2;op=ablate", "\u{FF}",
    ])
    func refusesWithTheHeadersName(_ value: String) {
        let error = #expect(throws: APIError.self) { try read(value) }
        #expect(error?.status == .badRequest && error?.message.contains("Resa-Adapters") == true)
    }

    @Test(arguments: [
        "5", "{}", "\"a\"", "[5]", "[{}]", "[{\"name\": 5}]", "[{\"name\": \"\"}]", "[{\"name\": \"a\", \"strength\": 1}]",
        "[{\"name\": \"a\", \"scale\": \"x\"}]", "[{\"name\": \"a\", \"scale\": 1e60}]", "[{\"name\": \"a\", \"edits\": [5]}]",
        "[{\"name\": \"a\", \"edits\": [{\"op\": \"add\", \"value\": 1}]}]",
        "[{\"name\": \"a\", \"edits\": [{\"latent\": -1, \"op\": \"ablate\"}]}]",
        "[{\"name\": \"a\", \"scope\": \"some\"}]", "[{\"name\": \"a\", \"scope\": {\"from\": 5, \"to\": 1}}]",
        "[{\"name\": \"a\", \"scope\": {\"in\": \"some\"}}]", "[{\"name\": \"a\", \"scope\": {\"think\": true}}]",
        "[{\"name\": \"a\", \"when\": 5}]", "[{\"name\": \"a\", \"when\": {\"latent\": 5}}]",
        "[{\"name\": \"a\", \"when\": {\"above\": 5}}]",
        "[{\"name\": \"a\", \"when\": {\"latent\": 5, \"above\": -1}}]", "[{\"name\": \"a\", \"when\": {\"latent\": -5, \"above\": 1}}]",
        "[{\"name\": \"a\", \"when\": {\"latent\": 5, \"above\": 1, \"below\": 2}}]",
        "[{\"name\": \"a\", \"when\": {\"latent\": 5, \"above\": 1, \"at\": \"head\"}}]",
        "[\"a\", \"b\", \"c\", \"d\", \"e\"]",
    ])
    func refusesBodiesWithTheFieldsPath(_ json: String) {
        let error = #expect(throws: APIError.self) { try body(json) }
        #expect(error?.status == .badRequest && error?.param?.hasPrefix("adapters") == true)
    }

    @Test func placesThatAgreeAreOne() throws {
        let list = [AdapterSelection(name: "a", scale: 0.5)]
        #expect(try AdapterChoice.combine(model: nil, header: nil, body: nil) == [])
        #expect(try AdapterChoice.combine(model: "a", header: nil, body: nil) == [AdapterSelection(name: "a")])
        #expect(try AdapterChoice.combine(model: "a", header: list, body: list) == list)
        #expect(try AdapterChoice.combine(model: nil, header: nil, body: list) == list)
    }

    @Test func placesThatDisagreeAreRefused() {
        let a = [AdapterSelection(name: "a")]
        let b = [AdapterSelection(name: "b")]
        #expect(throws: APIError.self) { try AdapterChoice.combine(model: nil, header: a, body: b) }
        #expect(throws: APIError.self) { try AdapterChoice.combine(model: nil, header: a, body: []) }
        #expect(throws: APIError.self) { try AdapterChoice.combine(model: "a", header: b, body: nil) }
        #expect(throws: APIError.self) { try AdapterChoice.combine(model: "a", header: nil, body: a + b) }
    }

    /// A structured decimal has three digits after the point: what that cannot say is a string, which the request's header reads too.
    @Test(
        arguments: [
            (0.8, "0.8"), (1, "1.0"), (-0.125, "-0.125"), (123.456, "123.456"), (0, "0.0"), (0.0004, #""0.0004""#),
            (-0.0004, #""-0.0004""#),
            (0.00025, #""0.00025""#), (1.2345, #""1.2345""#), (1e-20, #""1e-20""#), (1e30, #""1e+30""#), (-3e14, #""-3e+14""#),
            (0.333333343, #""0.33333334""#),
        ] as [(Float, String)])
    func scalesAreShownAsTheyAre(_ scale: Float, _ shown: String) throws {
        let report = AppliedReport(
            name: "a", digest: "d", kind: .lora, scale: scale, hookpoint: nil, mode: nil, edits: [], scope: nil, top: nil)
        #expect(ResaFields.header([report]) == #"a;digest="d";kind=lora;scale=\#(shown)"#)
        #expect(try read("a;scale=\(shown)") == [AdapterSelection(name: "a", scale: scale)])
    }

    @Test func theAppliedHeaderIsAStructuredList() {
        let report = AppliedReport(
            name: "2nd sae", digest: "sha256:ab", kind: .sae, scale: 0.8, hookpoint: .mlp(layer: 3), mode: .edit,
            edits: [LatentEdit(latent: 1, op: .ablate)], scope: nil, top: nil)
        #expect(
            ResaFields.header([report]) == #""2nd sae";digest="sha256:ab";kind=sae;scale=0.8;mode=edit;layer=3;at=mlp;edits=1"#)
        #expect(ResaFields.header([]) == nil)
    }
}
