import JSONText
import Processes
import Tensors

/// The processes of a run compute a batch together.
extension ProcessGroup: BatchExchange {}

extension ProcessGroup {
    /// Refuses a step that has nothing to do for some of the processes.
    /// - Throws: `TrainingError.badSetting`.
    package func requireShare(ofBatch batch: Int) throws(TrainingError) {
        guard batch >= count else {
            throw .badSetting(
                name: "--batch",
                problem: "is \(batch), but \(count) processes share the chunks of a step: take at least \(count), best a multiple of it")
        }
    }

    /// Finds out whether all processes are about to compute the same: from the same data and settings, and with the same kernels, without which
    /// their parameters would drift apart.
    /// - Throws: `TrainingError.unlikeProcess` with the first fact in which this process differs from the first.
    func requireSameRun(_ facts: JSONObject, on instructionSet: InstructionSet) throws(TrainingError) {
        var facts = facts
        facts["instruction set (RESA_ISA)"] = .string(instructionSet.rawValue)
        let first = (try? JSON(parsing: broadcast(JSONWriter.bytes(.object(facts)))))?.object ?? facts
        if let difference = facts.firstDifference(from: first) {
            throw .unlikeProcess(rank: rank, what: difference.name, got: difference.own, wanted: difference.theirs)
        }
    }

    /// The first process's number.
    func broadcast(_ number: Int) -> Int { gather(number)[0] }
}

extension JSONObject {
    /// The first member that another object has otherwise, with both values as text.
    func firstDifference(from other: JSONObject) -> (name: String, own: String, theirs: String)? {
        func show(_ value: JSON?) -> String { value.map { JSONWriter.text($0) } ?? "nothing" }
        for (key, value) in self where show(other[key]) != show(value) { return (key, show(value), show(other[key])) }
        return nil
    }
}
