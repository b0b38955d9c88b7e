import Checkpoints
import Foundation
import Testing

@Suite struct SafetensorsTests {
    private static func open(_ bytes: [UInt8]) throws -> SafetensorsFile {
        try SafetensorsFile(OpenFile(path: "test.safetensors", contents: bytes))
    }

    @Test func readsTensorsByRows() throws {
        let folder = try TemporaryFolder()
        let values = (0..<12).map { Float($0) * 0.5 }
        let path = try folder.write(
            SafetensorsBytes.file([("b", [3, 4], values), ("a", [2], [7, -8]), ("s", [], [3]), ("e", [0, 9], [])]), to: "x.safetensors")
        let file = try SafetensorsFile(path: path)
        #expect(file.tensorNames == ["a", "b", "e", "s"])
        #expect(file.metadata == ["format": "pt"])
        #expect(file.info("b")?.shape == [3, 4])
        #expect(try file.floats("b") == values)
        #expect(try file.floats("a") == [7, -8])
        #expect(try file.floats("s") == [3])
        #expect(try file.floats("e") == [])
        var row = [Float](repeating: 0, count: 4)
        try file.expand("b", rows: 2..<3, into: &row)
        #expect(row == [4, 4.5, 5, 5.5])
        #expect(try file.floats("b") == values)
    }

    @Test func refusesWhatIsNotThere() throws {
        let file = try Self.open(SafetensorsBytes.file([("layers.0.weight", [2, 1], [1, 2])]))
        #expect(throws: CheckpointError.missingTensor(file: "test.safetensors", tensor: "layers.0.weigh", near: ["layers.0.weight"])) {
            _ = try file.floats("layers.0.weigh")
        }
        var one: Float = 0
        #expect { try file.expand("layers.0.weight", rows: 1..<3, into: &one) } throws: { "\($0)".contains("rows in 0..<2") }
    }

    @Test func refusesTypesItCannotExpand() throws {
        let file = try Self.open(
            SafetensorsBytes.file(header: #"{"i":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}"#, data: [UInt8](repeating: 0, count: 8))
        )
        #expect(file.info("i")?.type == .i64)
        #expect { _ = try file.floats("i") } throws: { "\($0)".contains("stored as I64; readable types are F32, F16, BF16") }
    }

    @Test(
        arguments: [
            (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, "got 4 bytes, wanted 8 bytes for F32 [2]"),
            (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#, "data_offsets"),
            (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[8,4]}}"#, "begin <= end"),
            (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}"#, "not negative"),
            (#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, "not negative"),
            (#"{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}"#, "whole numbers"),
            (#"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}"#, "fits in memory"),
            (#"{"a":{"dtype":"F32","shape":[9223372036854775807],"data_offsets":[0,4]}}"#, "fits in memory"),
            (#"{"a":{"dtype":"F32","shape":[0,4294967296,4294967296],"data_offsets":[0,0]}}"#, "fits in memory"),
            (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,18446744073709551615]}}"#, "whole numbers"),
            (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}"#, "[begin, end]"),
            (#"{"a":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}}"#, "got F33"),
            (#"{"a":{"dtype":"Q4_0","shape":[32],"data_offsets":[0,18]}}"#, "got Q4_0"),
            (#"{"a":{"shape":[1],"data_offsets":[0,4]}}"#, "dtype"),
            (#"{"a":[1]}"#, "tensor a"),
            (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, "8 bytes for 4 bytes of tensors"),
            (
                #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
                "overlap those of a"
            ),
            (
                #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
                "\"a\" twice"
            ),
            (#"{"__metadata__":{"a":1},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, "__metadata__.a"),
            (#"{"__metadata__":[]}"#, "an object of strings"), ("[]", "a JSON object"), ("{", "line 1 column 2"), ("", "header"),
            (#"{"a":{"dtype":"F32","shape":[2,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],"data_offsets":[0,8]}}"#, "at most 16"),
        ])
    func refusesHeader(_ header: String, _ reason: String) {
        let bytes = SafetensorsBytes.file(header: header, data: [UInt8](repeating: 0, count: 8))
        #expect { _ = try Self.open(bytes) } throws: {
            $0 is CheckpointError && "\($0)".contains("test.safetensors") && "\($0)".contains(reason)
        }
    }

    @Test func refusesWrongLengths() {
        let good = SafetensorsBytes.file([("a", [2, 2], [1, 2, 3, 4])])
        for length in 0..<good.count {
            #expect(throws: CheckpointError.self, "cut to \(length) bytes") { _ = try Self.open(Array(good[..<length])) }
        }
        #expect(throws: CheckpointError.self) { _ = try Self.open(good + [0]) }
        for declared in [UInt64.max, UInt64(Int64.max), 1 << 40, 100_000_001] {
            #expect { _ = try Self.open(SafetensorsBytes.file(header: "{}", declaredLength: declared)) } throws: {
                "\($0)".contains("header length")
            }
        }
    }

    @Test func refusesWhatIsNoRegularFile() throws {
        let folder = try TemporaryFolder()
        #expect { _ = try SafetensorsFile(path: folder.url.path) } throws: { "\($0)".contains("not a regular file") }
        #expect { _ = try SafetensorsFile(path: folder.url.path + "/none") } throws: { "\($0)".contains("No such file") }
        let pipe = folder.url.path + "/pipe"
        #expect(mkfifo(pipe, 0o600) == 0)
        #expect { _ = try SafetensorsFile(path: pipe) } throws: { "\($0)".contains("not a regular file") }
        #expect(throws: CheckpointError.self) { _ = try SafetensorsFile(path: folder.write("", to: "empty")) }
    }

    @Test func readsShards() throws {
        let folder = try TemporaryFolder()
        try folder.write(SafetensorsBytes.file([("a", [2], [1, 2])]), to: "model-1.safetensors")
        try folder.write(SafetensorsBytes.file([("b", [1], [3]), ("unlisted", [1], [9])]), to: "model-2.safetensors")
        let index = try folder.write(
            #"{"metadata":{"total_size":12},"weight_map":{"a":"model-1.safetensors","b":"model-2.safetensors"}}"#,
            to: "model.safetensors.index.json")
        let shards = try ShardedSafetensors(index: index)
        #expect(shards.tensorNames == ["a", "b"])
        #expect(try shards.floats("a") == [1, 2])
        #expect(try shards.floats("b") == [3])
        #expect(shards.info("unlisted") == nil)
        #expect(throws: CheckpointError.self) { _ = try shards.floats("unlisted") }
    }

    @Test(
        arguments: [
            (#"{"weight_map":{"a":"../x.safetensors"}}"#, "same folder"), (#"{"weight_map":{"a":"/etc/passwd"}}"#, "same folder"),
            (#"{"weight_map":{"a":".."}}"#, "same folder"), (#"{"weight_map":{"a":1}}"#, "same folder"),
            (#"{"weight_map":[]}"#, "weight_map"), ("{}", "weight_map"),
            (#"{"weight_map":{"a":"absent.safetensors"}}"#, "absent.safetensors"),
            (#"{"weight_map":{"c":"model-1.safetensors"}}"#, "tensor c is missing"), ("[", "JSON"),
        ])
    func refusesIndex(_ text: String, _ reason: String) throws {
        let folder = try TemporaryFolder()
        try folder.write(SafetensorsBytes.file([("a", [2], [1, 2])]), to: "model-1.safetensors")
        let index = try folder.write(text, to: "model.safetensors.index.json")
        #expect { _ = try ShardedSafetensors(index: index) } throws: { $0 is CheckpointError && "\($0)".contains(reason) }
    }
}
