import JSONText

/// A checkpoint cut into several safetensors files, listed in an index (`model.safetensors.index.json`) beside them.
package final class ShardedSafetensors: TensorSource {
    /// The index file.
    package let path: String
    package let tensorNames: [String]
    private let shards: [SafetensorsFile]
    private let shardOfTensor: [String: Int]

    static let maximumShards = 10_000

    /// Opens the index and every shard it names.
    /// - Throws: `CheckpointError` when the index is malformed, a shard's name leaves the folder, a shard cannot be read, or a listed
    ///   tensor is not in the shard that the index names.
    package init(index path: String) throws(CheckpointError) {
        self.path = path
        let index = try JSON(file: path, rules: .init(maximumBytes: 64 << 20))
        let map: JSONObject
        do throws(JSONError) { map = try index.object("weight_map") } catch { throw error.inFile(path) }

        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
        var shards: [SafetensorsFile] = []
        var numbers: [String: Int] = [:]
        var shardOfTensor: [String: Int] = [:]
        for (tensor, value) in map.sorted(by: { $0.key < $1.key }) {
            guard let name = value.string, ShardedSafetensors.isPlainName(name) else {
                throw .malformed(
                    file: path, what: "weight_map.\(tensor)", got: value.kind, wanted: "the name of a file in the same folder")
            }
            if numbers[name] == nil {
                guard shards.count < ShardedSafetensors.maximumShards else {
                    throw .malformed(
                        file: path, what: "weight_map", got: "more than \(shards.count) shards",
                        wanted: "at most \(ShardedSafetensors.maximumShards)")
                }
                numbers[name] = shards.count
                shards.append(try SafetensorsFile(path: folder + name))
            }
            let number = numbers[name] ?? 0
            guard shards[number].info(tensor) != nil else { throw shards[number].missing(tensor) }
            shardOfTensor[tensor] = number
        }
        self.shards = shards
        self.shardOfTensor = shardOfTensor
        tensorNames = shardOfTensor.keys.sorted()
    }

    package func info(_ name: String) -> TensorInfo? { shardOfTensor[name].flatMap { shards[$0].info(name) } }

    package func expand(_ name: String, rows: Range<Int>, into destination: UnsafeMutablePointer<Float>) throws(CheckpointError) {
        guard let shard = shardOfTensor[name] else { throw missing(name) }
        try shards[shard].expand(name, rows: rows, into: destination)
    }

    package func stored(_ name: String, rows: Range<Int>, into destination: UnsafeMutableRawPointer) throws(CheckpointError) {
        guard let shard = shardOfTensor[name] else { throw missing(name) }
        try shards[shard].stored(name, rows: rows, into: destination)
    }

    package var files: [OpenFile] { shards.flatMap(\.files) }

    private static func isPlainName(_ name: String) -> Bool {
        !name.isEmpty && name != "." && name != ".." && !name.utf8.contains { $0 == UInt8(ascii: "/") || $0 == 0 }
    }
}
