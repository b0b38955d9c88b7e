/// How well one splice reconstructs one sequence, summed up row by row: plain memory that `SpliceFits` owns.
package struct SpliceFit: BitwiseCopyable {
    fileprivate(set) var prompt: VarianceSums
    fileprivate(set) var generated: VarianceSums

    /// Adds a row that the splice has replaced.
    @inline(__always)
    mutating func add(_ row: RowContext, target: UnsafePointer<Float>, reconstruction: UnsafePointer<Float>) {
        if row.position < row.promptLength {
            prompt.add(target: target, reconstruction: reconstruction)
        } else {
            generated.add(target: target, reconstruction: reconstruction)
        }
    }
}

/// The sums of all splices of an adapter set over one sequence.
package final class SpliceFits {
    /// One for each splice, in the order of the set.
    package let pointer: UnsafeMutablePointer<SpliceFit>
    private let count: Int

    /// Nil when the set splices nothing.
    package init?(_ adapters: AdapterSet) {
        guard !adapters.splices.isEmpty else { return nil }
        count = adapters.splices.count
        pointer = .allocate(capacity: count)
        for (index, splice) in adapters.splices.enumerated() {
            let width = splice.sae.width
            func sums() -> VarianceSums {
                let memory = UnsafeMutablePointer<Double>.allocate(capacity: width)
                memory.initialize(repeating: 0, count: width)
                return VarianceSums(width: width, sums: memory)
            }
            (pointer + index).initialize(to: SpliceFit(prompt: sums(), generated: sums()))
        }
    }

    deinit {
        for index in 0..<count {
            pointer[index].prompt.sums.deallocate()
            pointer[index].generated.sums.deallocate()
        }
        pointer.deallocate()
    }

    package var quality: [SpliceQuality] {
        (0..<count).map {
            SpliceQuality(
                prompt: FractionOfVarianceUnexplained(pointer[$0].prompt),
                generated: FractionOfVarianceUnexplained(pointer[$0].generated))
        }
    }
}

/// How much a splice lost of the activations that it replaced.
package struct SpliceQuality: Sendable {
    /// Over the prompt tokens that were computed: those that a prefix cache gave are not among them.
    package var prompt: FractionOfVarianceUnexplained
    /// Over the generated tokens that were read: all but the last.
    package var generated: FractionOfVarianceUnexplained

    package init(prompt: FractionOfVarianceUnexplained, generated: FractionOfVarianceUnexplained) {
        self.prompt = prompt
        self.generated = generated
    }

    /// Adds the tokens of another sequence.
    package mutating func add(_ other: SpliceQuality) {
        prompt.add(other.prompt)
        generated.add(other.generated)
    }
}
