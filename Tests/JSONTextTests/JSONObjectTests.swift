import JSONText
import TestRandomness
import Testing

@Suite struct JSONObjectTests {
    /// Against a plain list, on both sides of the size from which an object keeps an index.
    @Test func behavesLikeAListOfPairs() {
        let seed = SeededRandom.seed()
        var random = SeededRandom(seed: seed)
        for keys in [4, 16, 17, 60] {
            var object = JSONObject()
            var list: [(key: String, value: JSON)] = []
            for step in 0..<500 {
                let key = "k\(Int.random(in: 0..<keys, using: &random))"
                let place = list.firstIndex { $0.key == key }
                #expect(object[key] == place.map { list[$0].value }, "seed \(seed)")
                if Int.random(in: 0..<4, using: &random) == 0 {
                    object[key] = nil
                    if let place { list.remove(at: place) }
                } else {
                    object[key] = .int(step)
                    if let place { list[place].value = .int(step) } else { list.append((key, .int(step))) }
                }
                #expect(object.elementsEqual(list) { $0 == $1 }, "seed \(seed)")
                #expect(object == JSONObject(list), "seed \(seed)")
            }
        }
    }

    @Test func theLastDuplicateWinsAtTheFirstOnesPlace() throws {
        let members = (0..<40).map { "\"k\($0)\": \($0)" }.joined(separator: ",")
        for text in [#"{"a": 1, "b": 2, "a": 3}"#, #"{"a": 1, \#(members), "a": 3}"#] {
            let object = try #require(try JSON(parsing: text).object)
            #expect(object["a"] == 3 && object.first?.key == "a" && object.keys.count { $0 == "a" } == 1)
        }
    }

    /// Swift takes "é" and "e" with an accent for the same string; tokenisers and Python do not.
    @Test func keysAreComparedByCodePoints() throws {
        let composed = "\u{E9}"
        let decomposed = "e\u{301}"
        for filler in [0, 40] {
            var object = JSONObject((0..<filler).map { (key: "k\($0)", value: .null) })
            object[composed] = 1
            object[decomposed] = 2
            #expect(object.count == filler + 2 && object[composed] == 1 && object[decomposed] == 2)
        }
        #expect(JSONObject([(composed, 1)]) != JSONObject([(decomposed, 1)]))
    }

    @Test func objectsWithOtherOrderOrValuesDiffer() {
        #expect((["a": 1, "b": 2] as JSON) != ["b": 2, "a": 1])
        #expect((["a": 1] as JSON) != ["a": 2])
        #expect((["a": 1] as JSON) != ["a": 1, "b": 2])
    }
}
