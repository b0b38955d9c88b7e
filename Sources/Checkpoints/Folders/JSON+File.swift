import JSONText

extension JSON {
    /// Reads and parses a file.
    /// - Throws: `CheckpointError.cannotRead`, or `.malformed` with the place of the syntax error.
    package init(file path: String, rules: Rules = Rules()) throws(CheckpointError) {
        let data = try readWholeFile(path, maximumBytes: rules.maximumBytes)
        do throws(JSONError) {
            try self.init(parsing: data, rules: rules)
        } catch {
            throw .malformed(file: path, what: "JSON", got: error.description, wanted: "one well-formed JSON document")
        }
    }
}

extension JSONError {
    /// The same error as one about `file`.
    package func inFile(_ file: String) -> CheckpointError {
        .malformed(file: file, what: fullPlace, got: got, wanted: wanted)
    }
}
