import TestRandomness
import Testing

@testable import Adapters

/// Which tokens a scope holds, and when it is known beforehand that it holds none.
@Suite struct ScopeTests {
    private static let tags = ThinkTags(open: 1, close: 2)

    /// By the definition: the last tag before the token opens, and the token is no tag.
    private static func isInside(_ tokens: [Int32], _ position: Int) -> Bool {
        tokens[position] != 1 && tokens[position] != 2 && tokens[..<position].last { $0 == 1 || $0 == 2 } == 1
    }

    private static let scopes: [InterventionScope] = [InterventionScope.Part.all, .prompt, .generated].flatMap { part in
        [true, false].flatMap { think in
            [nil, 0..<1, 2..<4, 3..<3, 4..<9, 0..<Int(Int32.max), 40..<50].map {
                InterventionScope(part, isInsideThink: think, positions: $0)
            }
        }
    }

    @Test func tokensAreInsideBetweenTheTags() {
        let tokens: [Int32] = [5, 1, 6, 1, 7, 2, 8, 2, 1, 2, 9, 1, 5, 5]
        var isOpen = false
        let inside = tokens.map { Self.tags.read($0, isOpen: &isOpen) }
        #expect(inside == tokens.indices.map { Self.isInside(tokens, $0) })
        #expect(tokens.indices.filter { inside[$0] } == [2, 4, 12, 13] && isOpen)
    }

    @Test func aRowMustBeInEveryPart() {
        for scope in Self.scopes {
            for position in 0..<10 {
                for inside in [true, false] {
                    let row = RowContext(position: Int32(position), promptLength: 4, row: 0, isInsideThink: inside)
                    let part =
                        switch scope.part {
                        case .all: true
                        case .prompt: position < 4
                        case .generated: position > 3
                        }
                    let wanted = part && (inside || !scope.isInsideThink) && (scope.positions.map { $0 ~= position } ?? true)
                    #expect(scope.contains(row) == wanted, "\(scope) at \(position)")
                }
            }
        }
    }

    @Test func names() {
        for (name, scope) in [
            ("all", InterventionScope.all), ("prompt", .prompt), ("generated", .generated), ("think", .think),
            ("think+generated", InterventionScope(.generated, isInsideThink: true)),
            ("prompt+think", InterventionScope(.prompt, isInsideThink: true)), ("all+think", .think),
        ] {
            #expect(InterventionScope(name: name) == scope)
            #expect(InterventionScope(name: scope.name) == scope)
        }
        for name in ["", "some", "prompt+generated", "think+", "+", "Think"] { #expect(InterventionScope(name: name) == nil, "\(name)") }
        let all = Self.scopes.map(\.description)
        #expect(Set(all).count == all.count)
    }

    /// Against every continuation that a model could make of three kinds of tokens.
    @Test func emptyScopesAreKnownBeforehand() {
        var generator = SeededRandom(seed: 8)
        var (empty, possible) = (0, 0)
        for length in 1...6 {
            for maxTokens in 0...4 {
                let prompt = (0..<length).map { _ in Int32.random(in: 1...3, using: &generator) }
                let rows = length + max(0, maxTokens - 1)
                var continuations: [[Int32]] = [[]]
                for _ in 0..<max(0, maxTokens - 1) { continuations = continuations.flatMap { each in [1, 2, 3].map { each + [$0] } } }
                for scope in Self.scopes {
                    let holds = continuations.contains { continuation in
                        let tokens = prompt + continuation
                        return tokens.indices.contains {
                            scope.contains(
                                RowContext(
                                    position: Int32($0), promptLength: Int32(length), row: 0, isInsideThink: Self.isInside(tokens, $0)))
                        }
                    }
                    let problem = scope.emptiness(prompt: prompt, rows: rows, tags: Self.tags)
                    #expect((problem == nil) == holds, "\(scope), prompt \(prompt), \(maxTokens) tokens: \(problem ?? "")")
                    if holds { possible += 1 } else { empty += 1 }
                    let untagged = scope.emptiness(prompt: prompt, rows: rows, tags: nil)
                    #expect(scope.isInsideThink ? untagged?.contains("<think>") == true : untagged == problem)
                }
            }
        }
        #expect(empty > 100 && possible > 100)
    }
}
