import ArgumentParser
import Foundation

/// Ranges of numbers on the command line. What was not given is in every range.
enum Limits {
    /// - Throws: `ValidationError` naming the first option outside its range.
    static func check<T: Comparable>(_ values: [(name: String, value: T?, range: ClosedRange<T>)]) throws {
        for (name, value, range) in values {
            guard let value, !range.contains(value) else { continue }
            throw ValidationError("\(name) is \(value), but must be from \(shown(range.lowerBound)) to \(shown(range.upperBound))")
        }
    }

    /// Whole numbers without a point.
    private static func shown(_ bound: some Any) -> String {
        let text = "\(bound)"
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }

    /// - Throws: `ValidationError` naming the first option below its least value.
    static func check<T: Numeric & Comparable>(_ values: [(name: String, value: T?, range: PartialRangeFrom<T>)]) throws {
        for (name, value, range) in values {
            guard let value, !range.contains(value) else { continue }
            let least = range.lowerBound == .zero ? "0 or more" : "at least \(range.lowerBound)"
            throw ValidationError("\(name) is \(value), but must be \(least)")
        }
    }

    /// Numbers with commas between them; nil where one is none, or out of range.
    static func numbers(_ list: String, _ range: ClosedRange<Int>) -> [Int]? {
        let values = list.split(separator: ",").map { Int($0.trimmingCharacters(in: .whitespaces)) }
        return values.contains { $0.map { !range.contains($0) } ?? true } ? nil : values.compactMap(\.self)
    }

    /// - Throws: `ValidationError` for what `numbers` makes nothing of.
    @discardableResult
    static func check(_ name: String, _ list: String, _ range: ClosedRange<Int>) throws -> [Int] {
        guard let numbers = numbers(list, range) else {
            throw ValidationError(
                "\(name) is \(list), but must be numbers from \(range.lowerBound) to \(range.upperBound), separated by commas")
        }
        return numbers
    }
}
