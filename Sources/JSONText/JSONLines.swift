/// JSON lines: one value a line. Blank lines are passed over, and counted.
///
/// Whoever reads them says what a row must hold, and how what is wrong with one is told.
package struct JSONLines: Sequence {
    /// A line that holds something.
    package struct Row {
        /// From 1.
        package let line: Int
        /// Without its end.
        package let bytes: Slice<UnsafeRawBufferPointer>

        /// - Throws: `JSONError` for what is no JSON.
        package func json(rules: JSON.Rules = JSON.Rules()) throws(JSONError) -> JSON {
            try JSON(parsing: UnsafeRawBufferPointer(rebasing: bytes), rules: rules)
        }
    }

    package struct Iterator: IteratorProtocol {
        fileprivate let content: UnsafeRawBufferPointer
        fileprivate var start = 0
        fileprivate var line = 0

        package mutating func next() -> Row? {
            while start < content.count {
                let end = content[start...].firstIndex(of: 0x0A) ?? content.count
                let bytes = content[start..<end]
                start = end + 1
                line += 1
                if bytes.contains(where: { $0 != 0x20 && $0 != 0x09 && $0 != 0x0D }) { return Row(line: line, bytes: bytes) }
            }
            return nil
        }
    }

    private let content: UnsafeRawBufferPointer

    /// - Parameter content: must stay valid while the rows are read.
    package init(_ content: UnsafeRawBufferPointer) { self.content = content }

    package func makeIterator() -> Iterator { Iterator(content: content) }

    /// What `make` makes of each row of `content`, in order.
    /// - Parameter limit: rows taken from the beginning; nil for all.
    package static func map<T, Failure: Error>(
        _ content: some Collection<UInt8>, limit: Int? = nil, _ make: (Row) throws(Failure) -> T
    ) throws(Failure) -> [T] {
        let result = content.withContiguousStorageIfAvailable { buffer in
            Result { () throws(Failure) in
                var made: [T] = []
                for row in JSONLines(UnsafeRawBufferPointer(buffer)) {
                    if let limit, made.count >= limit { break }
                    made.append(try make(row))
                }
                return made
            }
        }
        guard let result else { return try map(Array(content), limit: limit, make) }
        return try result.get()
    }
}
