import Adapters
import Engine

/// Gathers how well splices reconstruct, until every choice has ended.
struct SpliceTally {
    private var byChoice: [[SpliceQuality]?]

    init(choices: Int) {
        byChoice = Array(repeating: nil, count: choices)
    }

    mutating func take(_ report: FinishReport, _ choice: Int) { byChoice[choice] = report.splices }

    var isComplete: Bool { byChoice.allSatisfy { $0 != nil } }

    /// For each splice, in the request's order, over the tokens of all choices that have ended, in the order of their numbers: so the sums
    /// are the same whoever ends first.
    var splices: [SpliceQuality] {
        var total: [SpliceQuality] = []
        for splices in byChoice.compactMap({ $0 }) {
            for (index, splice) in splices.enumerated() {
                if index < total.count { total[index].add(splice) } else { total.append(splice) }
            }
        }
        return total
    }
}
