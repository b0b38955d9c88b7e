import Testing

@testable import JSONText

/// One reader for every kind of error.
@Suite struct JSONFieldTests {
    private struct Refused: Error, Equatable {
        let path, got, wanted: String
    }

    private static let text = #"""
        {"a": {"list": [1, {"deep": "x"}], "none": null}, "size": 3, "rate": 2.0, "half": 0.5, "big": 1e60, "huge": 123456789012345678901234567890,
         "on": false}
        """#

    private func root() throws -> JSONField<Refused> {
        JSONField(try JSON(parsing: Self.text)) { Refused(path: $0, got: $1, wanted: $2) }
    }

    @Test func membersAndElementsKnowWhereTheyAre() throws {
        let root = try root()
        #expect(try root.child("a").child("list").child(1).child("deep").string == "x")
        #expect(root.path.isEmpty && root.path("size") == "size" && root.child("a").child("list").child(1).path("deep") == "a.list[1].deep")
        #expect(throws: Refused(path: "a.list[1].deep", got: "the string \"x\"", wanted: "a whole number")) {
            try root.child("a").child("list").child(1).child("deep").int
        }
        #expect(throws: Refused(path: "a.list[7]", got: "nothing", wanted: "a string")) {
            try root.child("a").child("list").child(7).string
        }
        #expect(throws: Refused(path: "a.none", got: "null", wanted: "an object")) { try root.child("a").child("none").object }
        #expect(throws: Refused(path: "size", got: "the integer 3", wanted: "an object")) { try root.object("size") }
        #expect(try root.object("a")?.array("list")?.count == 2 && root.child("on").bool == false)
        #expect(try root.object("a")?.string("none") == nil && root.string("absent") == nil && root.object("absent") == nil)
        #expect(throws: Refused(path: "a.list[0]", got: "the integer 1", wanted: "a string")) { try root.child("a").strings("list") }
    }

    @Test func numbersHaveRanges() throws {
        let root = try root()
        #expect(try root.int("rate") == 2 && root.int("size", in: 1...3) == 3 && root.number("half", as: Float.self) == 0.5)
        #expect(throws: Refused(path: "size", got: "the integer 3", wanted: "a whole number from 4 to 5")) {
            try root.int("size", in: 4...5)
        }
        #expect(throws: Refused(path: "half", got: "the number 0.5", wanted: "a whole number")) { try root.int("half") }
        #expect(throws: Refused(path: "half", got: "the number 0.5", wanted: "a number above 0.5 and at most 1.0")) {
            try root.number("half", as: Double.self, in: 0.5...1, excludingLower: true)
        }
        // Finite as what it is read as.
        #expect(try root.number("big", as: Double.self) == 1e60)
        #expect(throws: Refused.self) { try root.number("big", as: Float.self) }
        #expect(throws: Refused.self) { try root.int("huge") }
    }
}
