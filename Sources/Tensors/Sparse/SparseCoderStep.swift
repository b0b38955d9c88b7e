import Kernels

/// One step of training a TopK sparse autoencoder, with its memory: `forward`, then `update`. The arithmetic is in resa_sae_training.h;
/// results do not depend on the number of threads.
///
/// The rows of a batch may be spread over several processes, each of which calls with its own (`BatchExchange`). What takes the time, the product with the
/// encoder and all else up to the gradients by reconstructions and activations, each does for its rows. Then they exchange those gradients (some
/// rows as wide as the model for a token, where gradients by encoder and decoder would be two matrices), and every process makes the
/// update of the whole batch, which costs little beside the encoder. So all hold the same parameters and state, to the bit.
package final class SparseCoderStep {
    package struct Losses: Sendable, Equatable {
        /// Fraction of variance unexplained by the k, and by the 4k largest latents (0 without multi-TopK).
        package var fvu = 0.0
        package var multiFVU = 0.0
        /// Squared error of the residual as dead latents predict it, over the variance, scaled by how many there are.
        package var auxK = 0.0
    }

    package let latents: Int
    package let width: Int
    package let k: Int
    /// Latents selected: k, or 4k with multi-TopK.
    package let slots: Int
    package let maxTokens: Int
    /// Rows of the last `forward`, in all processes.
    package private(set) var batchTokens = 0
    private let pool: WorkerPool
    private let exchange: any BatchExchange
    /// Of the last `forward`, by process.
    private var rows: [Int] = []

    private let centred, gradients, multiGradients, auxGradients: AlignedBuffer<Float>
    private let indices, auxIndices: AlignedBuffer<Int32>
    private let activations, activationGradients, auxActivations: AlignedBuffer<Float>
    private let starts, entries, auxStarts, auxEntries: AlignedBuffer<UInt32>
    private let losses, tileSums, inputGradients: AlignedBuffer<Double>
    private let scratch: AlignedBuffer<CChar>
    private let slotTaken: AlignedBuffer<UInt32>
    private let dead: AlignedBuffer<Int32>
    private var kernel: resa_sae_step?

    /// Bytes that `init` with the same numbers reserves; what dead latents need counts only once there are some.
    package static func byteCount(latents: Int, width: Int, k: Int, multiTopK: Bool, auxK: Bool, maxTokens: Int, threads: Int) -> Int {
        let slots = Self.slots(latents: latents, k: k, multiTopK: multiTopK)
        let aux = auxK ? width / 2 : 0
        let rows = width * (2 + (slots > k ? 1 : 0) + (auxK ? 1 : 0)) + 3 * slots + k + 3 * aux
        let blocks = (latents + Int(RESA_SAE_BLOCK) - 1) / Int(RESA_SAE_BLOCK)
        return 4 * maxTokens * rows + 8 * width * blocks + 12 * latents + resa_sae_scratch_bytes(width) * threads
    }

    private static func slots(latents: Int, k: Int, multiTopK: Bool) -> Int { multiTopK ? min(4 * k, latents) : k }

    /// - Parameters:
    ///   - auxK: whether dead latents may be given to `forward`.
    ///   - maxTokens: rows of a batch at most, in all processes.
    package init(
        latents: Int, width: Int, k: Int, multiTopK: Bool, auxK: Bool, maxTokens: Int, pool: WorkerPool,
        exchange: any BatchExchange = WholeBatch()
    ) {
        precondition(latents > 0 && width > 0 && (1...latents).contains(k) && maxTokens > 0)
        (self.latents, self.width, self.k, self.maxTokens) = (latents, width, k, maxTokens)
        (self.pool, self.exchange) = (pool, exchange)
        slots = Self.slots(latents: latents, k: k, multiTopK: multiTopK)
        let aux = auxK ? maxTokens * (width / 2) : 0
        precondition(max(maxTokens * slots, aux) < 1 << 32, "SparseCoderStep: too many tokens in a batch")
        let (tiles, blocks) = (resa_sae_tiles(maxTokens), resa_sae_blocks(latents))
        centred = AlignedBuffer(count: maxTokens * width)
        gradients = AlignedBuffer(count: maxTokens * width)
        multiGradients = AlignedBuffer(count: slots > k ? maxTokens * width : 0)
        auxGradients = AlignedBuffer(count: auxK ? maxTokens * width : 0)
        indices = AlignedBuffer(count: maxTokens * slots)
        activations = AlignedBuffer(count: maxTokens * slots)
        activationGradients = AlignedBuffer(count: maxTokens * k)
        auxIndices = AlignedBuffer(count: aux)
        auxActivations = AlignedBuffer(count: aux)
        starts = AlignedBuffer(count: latents + 1)
        entries = AlignedBuffer(count: maxTokens * slots)
        auxStarts = AlignedBuffer(count: auxK ? latents + 1 : 0)
        auxEntries = AlignedBuffer(count: aux)
        losses = AlignedBuffer(count: tiles * Int(RESA_SAE_LOSSES))
        tileSums = AlignedBuffer(count: tiles * width)
        inputGradients = AlignedBuffer(count: blocks * width)
        scratch = AlignedBuffer(count: resa_sae_scratch_bytes(width) * pool.threads)
        slotTaken = AlignedBuffer(count: pool.threads)
        dead = AlignedBuffer(count: auxK ? latents : 0)
    }

    /// The mean of the rows of x `[tokens, width]` and those of the other processes, in f64.
    package func mean(_ x: UnsafePointer<Float>, tokens: Int) -> [Double] {
        let (sums, width) = (tileSums.pointer, width)
        pool.parallel(resa_sae_tiles(tokens)) { tile in resa_sae_tile_sums(tokens, width, x, tile, sums + tile * width) }
        let total = exchange.gather(tokens).reduce(0, +)
        var mean = fold(tileSums, rows: resa_sae_tiles(tokens))
        exchange.sum(&mean)
        return mean.map { $0 / Double(total) }
    }

    /// Divides every decoder row by its norm.
    package func normaliseDecoder(of parameters: SparseCoderTensors) {
        let (kernels, latents, width, decoder) = (pool.kernels, latents, width, parameters.decoder.pointer)
        pool.parallel(resa_sae_blocks(latents)) { block in resa_sae_block_normalise(kernels, latents, width, decoder, block) }
    }

    /// Encodes, decodes and takes the losses of x `[tokens, width]`, which must stay until `update`.
    /// - Parameters:
    ///   - mean: that of all processes' rows.
    ///   - dead: dead latents, ascending.
    ///   - auxScale: the weight of AuxK in the loss when all `width / 2` places are taken.
    /// - Returns: the losses over all processes' rows.
    package func forward(
        _ x: UnsafePointer<Float>, tokens: Int, mean: [Double], parameters: SparseCoderTensors, dead deadLatents: [Int32], auxScale: Double
    ) -> Losses {
        rows = exchange.gather(tokens)
        batchTokens = rows.reduce(0, +)
        precondition(batchTokens <= maxTokens && deadLatents.count <= dead.count && mean.count == width)
        for (index, latent) in deadLatents.enumerated() { dead.pointer[index] = latent }
        let auxK = width / 2
        let share = auxK > 0 ? min(Double(deadLatents.count) / Double(auxK), 1) : 0
        var step = resa_sae_step(
            tokens: tokens, width: width, latents: latents, k: k, slots: slots, auxSlots: min(auxK, deadLatents.count), x: x,
            centred: centred.pointer, encoder: parameters.encoder.pointer, encoderBias: parameters.encoderBias.pointer,
            decoder: parameters.decoder.pointer, decoderBias: parameters.decoderBias.pointer, variance: 1,
            multiScale: slots > k ? Self.multiScale : 0, auxScale: auxScale * share, dead: dead.pointer, deadCount: deadLatents.count,
            indices: indices.pointer, activations: activations.pointer, activationGradients: activationGradients.pointer,
            auxIndices: auxIndices.pointer, auxActivations: auxActivations.pointer, gradients: gradients.pointer,
            multiGradients: multiGradients.pointer, auxGradients: auxGradients.pointer, losses: losses.pointer,
            biasGradients: tileSums.pointer, scratch: scratch.pointer, slotTaken: slotTaken.pointer, threads: pool.threads)
        place(&step, at: rows.prefix(exchange.rank).reduce(0, +), tokens: tokens)
        let tiles = resa_sae_tiles(tokens)
        let (kernels, pool, sums) = (pool.kernels, pool, losses.pointer)
        withUnsafePointer(to: &step) { step in
            mean.withUnsafeBufferPointer { mean in
                pool.parallel(tiles) { tile in sums[tile] = resa_sae_tile_centre(step, tile, mean.baseAddress!) }
            }
        }
        var variance = [(0..<tiles).reduce(0) { $0 + losses.pointer[$1] }]
        exchange.sum(&variance)
        step.variance = variance[0]
        withUnsafePointer(to: &step) { step in
            pool.parallel(tiles) { tile in resa_sae_tile_forward(kernels, step, tile) }
        }
        var totals = [0.0, 0.0, 0.0]
        for tile in 0..<tiles { for index in 0..<3 { totals[index] += losses.pointer[tile * 3 + index] } }
        exchange.sum(&totals)
        kernel = step
        return Losses(
            fvu: totals[0] / step.variance, multiFVU: totals[1] / step.variance, auxK: share * totals[2] / step.variance)
    }

    /// Lets a step work on `tokens` rows of the batch, from row `first` on.
    private func place(_ step: inout resa_sae_step, at first: Int, tokens: Int) {
        step.tokens = tokens
        step.centred = centred.pointer + first * width
        step.indices = indices.pointer + first * slots
        step.activations = activations.pointer + first * slots
        step.activationGradients = activationGradients.pointer + first * k
        step.gradients = gradients.pointer + first * width
        if slots > k { step.multiGradients = multiGradients.pointer + first * width }
        if step.auxSlots > 0 {
            step.auxIndices = auxIndices.pointer + first * step.auxSlots
            step.auxActivations = auxActivations.pointer + first * step.auxSlots
            step.auxGradients = auxGradients.pointer + first * width
        }
    }

    /// Gives all processes what `update` reads of every row.
    private func exchangeRows(auxSlots: Int) {
        exchange.gather(centred.pointer, rows: rows, width: width)
        exchange.gather(indices.pointer, rows: rows, width: slots)
        exchange.gather(activations.pointer, rows: rows, width: slots)
        exchange.gather(activationGradients.pointer, rows: rows, width: k)
        exchange.gather(gradients.pointer, rows: rows, width: width)
        if slots > k { exchange.gather(multiGradients.pointer, rows: rows, width: width) }
        if auxSlots > 0 {
            exchange.gather(auxIndices.pointer, rows: rows, width: auxSlots)
            exchange.gather(auxActivations.pointer, rows: rows, width: auxSlots)
            exchange.gather(auxGradients.pointer, rows: rows, width: width)
        }
    }

    /// The weight of multi-TopK in the loss.
    package static let multiScale = 1.0 / 8

    /// The backward pass of the last `forward`, and a step of the optimiser on its parameters.
    /// - Parameters:
    ///   - unitDecoder: leaves out of each decoder row's gradient what is parallel to the row.
    ///   - fired: told of every latent whether it was selected.
    package func update(
        _ parameters: SparseCoderTensors, state1: SparseCoderTensors, state2: SparseCoderTensors?, optimiser: SparseCoderOptimiser,
        unitDecoder: Bool, fired: (_ latent: Int, _ hasFired: Bool) -> Void
    ) {
        guard var step = kernel else { preconditionFailure("update without forward") }
        kernel = nil
        let ownTiles = resa_sae_tiles(step.tokens)
        exchangeRows(auxSlots: step.auxSlots)
        place(&step, at: 0, tokens: batchTokens)
        resa_sae_group(step.tokens, slots, latents, indices.pointer, starts.pointer, entries.pointer)
        if step.auxSlots > 0 {
            resa_sae_group(step.tokens, step.auxSlots, latents, auxIndices.pointer, auxStarts.pointer, auxEntries.pointer)
        }
        var numbers = optimiser.kernel
        let kernels = pool.kernels
        withUnsafePointer(to: &step) { step in
            withUnsafePointer(to: &numbers) { numbers in
                var update = resa_sae_update(
                    step: step, optimiser: numbers, starts: starts.pointer, entries: entries.pointer, auxStarts: auxStarts.pointer,
                    auxEntries: auxEntries.pointer, unitDecoder: unitDecoder, encoder1: state1.encoder.pointer,
                    bias1: state1.encoderBias.pointer, decoder1: state1.decoder.pointer, encoder2: state2?.encoder.pointer,
                    bias2: state2?.encoderBias.pointer, decoder2: state2?.decoder.pointer, inputGradients: inputGradients.pointer,
                    scratch: scratch.pointer, slotTaken: slotTaken.pointer)
                withUnsafePointer(to: &update) { update in
                    pool.parallel(resa_sae_blocks(latents)) { block in resa_sae_block_update(kernels, update, block) }
                }
                updateDecoderBias(parameters, state1, state2, numbers, tiles: ownTiles)
            }
        }
        for latent in 0..<latents { fired(latent, starts.pointer[latent + 1] > starts.pointer[latent]) }
    }

    /// d loss / d b_dec: what reaches it through the reconstructions, less what does through x - b_dec.
    private func updateDecoderBias(
        _ parameters: SparseCoderTensors, _ state1: SparseCoderTensors, _ state2: SparseCoderTensors?,
        _ optimiser: UnsafePointer<resa_optimiser>, tiles: Int
    ) {
        var outputs = fold(tileSums, rows: tiles)
        exchange.sum(&outputs)
        let inputs = fold(inputGradients, rows: resa_sae_blocks(latents))
        let gradient = (0..<width).map { Float(outputs[$0] - inputs[$0]) }
        resa_optimise(
            optimiser, width, gradient, parameters.decoderBias.pointer, state1.decoderBias.pointer, state2?.decoderBias.pointer)
    }

    /// The sums of the columns of the first `rows` rows `[rows, width]`, in order.
    private func fold(_ sums: borrowing AlignedBuffer<Double>, rows: Int) -> [Double] {
        var total = [Double](repeating: 0, count: width)
        for row in 0..<rows {
            let values = sums.pointer + row * width
            for column in 0..<width { total[column] += values[column] }
        }
        return total
    }
}
