/// The value of a GGUF metadata key. Whole numbers of all widths become `int` (or `uint` above Int64.max), both float widths `double`.
package enum GGUFValue: Sendable, Equatable {
    case int(Int64)
    /// Only for unsigned 64-bit numbers too large for `int`.
    case uint(UInt64)
    case double(Double)
    case bool(Bool)
    case string(String)
    // Arrays are typed, as in the file: a vocabulary is 150,000 strings.
    case ints([Int64])
    case doubles([Double])
    case bools([Bool])
    case strings([String])
    case arrays([GGUFValue])

    package var intValue: Int? {
        switch self {
        case .int(let value): Int(value)
        case .double(let value): Int(exactly: value)
        default: nil
        }
    }

    package var doubleValue: Double? {
        switch self {
        case .int(let value): Double(value)
        case .uint(let value): Double(value)
        case .double(let value): value
        default: nil
        }
    }

    package var boolValue: Bool? { if case .bool(let value) = self { value } else { nil } }
    package var stringValue: String? { if case .string(let value) = self { value } else { nil } }
    package var stringsValue: [String]? { if case .strings(let value) = self { value } else { nil } }
    package var intsValue: [Int64]? { if case .ints(let value) = self { value } else { nil } }
    package var doublesValue: [Double]? { if case .doubles(let value) = self { value } else { nil } }

    /// What kind of value this is, in words for an error message.
    package var kind: String {
        switch self {
        case .int(let value): "the integer \(value)"
        case .uint(let value): "the integer \(value)"
        case .double(let value): "the number \(value)"
        case .bool(let value): "\(value)"
        case .string(let value): "the string \"\(value.prefix(60))\""
        case .ints(let values): "an array of \(values.count) integers"
        case .doubles(let values): "an array of \(values.count) numbers"
        case .bools(let values): "an array of \(values.count) booleans"
        case .strings(let values): "an array of \(values.count) strings"
        case .arrays(let values): "an array of \(values.count) arrays"
        }
    }
}

/// The metadata value types, by their number in the file.
enum GGUFValueType: UInt32 {
    case uint8, int8, uint16, int16, uint32, int32, float32, bool, string, array, uint64, int64, float64

    /// The fewest bytes one value can take; bounds array lengths before memory is taken.
    var minimumBytes: Int {
        switch self {
        case .uint8, .int8, .bool: 1
        case .uint16, .int16: 2
        case .uint32, .int32, .float32: 4
        case .uint64, .int64, .float64, .string: 8
        case .array: 12
        }
    }
}
