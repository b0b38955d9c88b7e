import Foundation
import JSONText
import Tensors

/// `log.jsonl`: a line for every step, and the curves drawn from it.
final class ExtractLog {
    private let path: String
    private var handle: FileHandle?
    /// The FVU of every step so far, by hookpoint.
    private(set) var curves: [[Double]]

    /// Keeps the lines of the first `steps` steps of a log that is there, and drops what came after the checkpoint.
    init(path: String, hookpoints: [String], keeping steps: Int) throws(ExtractError) {
        self.path = path
        curves = hookpoints.map { _ in [] }
        var kept = ""
        if steps > 0, let text = try? String(contentsOfFile: path, encoding: .utf8) {
            for line in text.split(separator: "\n") {
                guard let json = try? JSON(parsing: String(line)), let step = json["step"]?.int, step <= steps else { break }
                kept += line + "\n"
                for (index, name) in hookpoints.enumerated() {
                    curves[index].append(json["hookpoints"]?[name]?["fvu"]?.double ?? .nan)
                }
            }
        }
        try ExtractFile.write(kept, to: path)
        do {
            let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
            try handle.seekToEnd()
            self.handle = handle
        } catch {
            throw .cannotWrite(path: path, reason: error.localizedDescription)
        }
    }

    deinit { try? handle?.close() }

    func append(_ line: JSON, fvu: [Double]) throws(ExtractError) {
        for (index, value) in fvu.enumerated() { curves[index].append(value) }
        do {
            try handle?.write(contentsOf: Data(JSONWriter.bytes(line) + [UInt8(ascii: "\n")]))
        } catch {
            throw .cannotWrite(path: path, reason: error.localizedDescription)
        }
    }
}

extension SAETrainer.Report {
    var json: JSON {
        [
            "loss": .double(loss), "fvu": .double(losses.fvu), "auxk": .double(losses.auxK), "multi_topk_fvu": .double(losses.multiFVU),
            "dead": .int(dead),
        ]
    }
}
