import Models

/// Preemption by recomputation: a sequence that must make room gives up its blocks and keeps everything else, and later reads its prompt
/// and what it has generated again, as one prompt. A row is computed the same way in any batch and chunk, so nobody can tell.
extension Scheduler {
    /// Gives every decoding sequence the block its next token needs, oldest first. Where there is none, the latest of all gives up its
    /// own. The oldest never does, so it ends, and with it everyone after it: there is no way to wait for each other for ever.
    func makeRoom() {
        var age = 0
        while age < running.count {
            let sequence = states[byAge[age]]
            if sequence.needsBlock, !blocks.grow(sequence) {
                let latest = running[byAge[running.count - 1]]
                preempt(latest)
                // The sequence itself may have been the latest; else it tries again. What stands before it stays where it is.
            } else {
                age += 1
            }
        }
    }

    /// Takes a sequence out of the batch until there is room again.
    func preempt(_ sequence: Sequence) {
        remove(sequence)
        blocks.releaseAll(sequence.state)
        if !sequence.hasReportedPrompt { sequence.forgetPromptRows() }
        resume(later: sequence)
        statistics.preemptions += 1
    }

    /// Puts a sequence among those that are next. They go before whatever waits, so newcomers cannot take the room they wait for.
    func resume(later sequence: Sequence) {
        let admission = sequence.state.admission
        let place = resuming.firstIndex { $0.state.admission > admission } ?? resuming.count
        resuming.insert(sequence, at: place)
    }
}
