import Foundation

/// A parsed JSON value. Objects do not keep the order of their keys; of duplicate keys the last one wins.
///
/// The parser takes what Python's `json.dumps` writes, so `NaN`, `Infinity` and `-Infinity` are numbers.
package enum JSON: Sendable, Equatable {
    case null
    case bool(Bool)
    /// A number written without fraction or exponent that fits in 64 bits.
    case int(Int64)
    case double(Double)
    case string(String)
    case array([JSON])
    case object([String: JSON])

    /// What a document may cost before it is refused.
    package struct Limits: Sendable {
        package var maximumBytes = 256 << 20
        /// Nesting of arrays and objects; the parser recurses once per level.
        package var maximumDepth = 128
        /// Formats such as safetensors forbid duplicate keys; elsewhere the last one wins.
        package var refusesDuplicateKeys = false

        package init(maximumBytes: Int = 256 << 20, maximumDepth: Int = 128, refusesDuplicateKeys: Bool = false) {
            self.maximumBytes = maximumBytes
            self.maximumDepth = maximumDepth
            self.refusesDuplicateKeys = refusesDuplicateKeys
        }
    }

    /// Parses one document, surrounded by nothing but white space (and an optional byte order mark).
    /// - Throws: `JSONError` that says at which line and column the text stops being JSON.
    package init(parsing data: Data, limits: Limits = Limits()) throws(JSONError) {
        let result: Result<JSON, JSONError> = data.withUnsafeBytes { bytes in
            do throws(JSONError) { return .success(try JSON(parsing: bytes, limits: limits)) } catch { return .failure(error) }
        }
        self = try result.get()
    }

    /// Parses the document in `bytes`, which must stay valid during the call only.
    package init(parsing bytes: UnsafeRawBufferPointer, limits: Limits = Limits()) throws(JSONError) {
        var parser = JSONParser(bytes, limits: limits)
        self = try parser.parseDocument()
    }

    package init(parsing text: String, limits: Limits = Limits()) throws(JSONError) {
        try self.init(parsing: Data(text.utf8), limits: limits)
    }

    /// Reads and parses a file.
    /// - Throws: `CheckpointError.cannotRead`, or `.malformed` with the place of the syntax error.
    package init(file path: String, limits: Limits = Limits()) throws(CheckpointError) {
        let data = try readWholeFile(path, maximumBytes: limits.maximumBytes)
        do throws(JSONError) {
            try self.init(parsing: data, limits: limits)
        } catch {
            throw .malformed(file: path, what: "JSON", got: error.description, wanted: "one well-formed JSON document")
        }
    }
}

/// What is wrong with a JSON text, or with the value found under a key.
package struct JSONError: Error, Equatable, CustomStringConvertible {
    /// The key path for a value of the wrong kind, `line L column C` for a syntax error.
    package let place: String
    package let got: String
    package let wanted: String

    package init(place: String, got: String, wanted: String) {
        self.place = place
        self.got = got
        self.wanted = wanted
    }

    package var description: String { "\(place): got \(got), wanted \(wanted)" }

    /// The same error as one about `file`.
    package func inFile(_ file: String) -> CheckpointError {
        .malformed(file: file, what: place, got: got, wanted: wanted)
    }
}
