import Adapters
import Measuring
import Processes
import Tensors

/// Trains one TopK SAE, the way sparsify does: what makes its trainer's results is what makes these (the same losses within rounding from the
/// same start on the same activations).
///
/// Each step: b_dec becomes the mean of the first batch; decoder rows are normalised; losses; gradients without what is parallel to decoder rows;
/// a step of the optimiser; latents that were not selected come nearer to being dead.
package final class SAETrainer {
    package let hookpoint: HookPoint
    package let settings: SAETrainerSettings
    package let width: Int
    /// Of Signum these are y, where gradients are taken; `exported` gives what is to be used.
    package let parameters: SparseCoderTensors
    package let state1: SparseCoderTensors
    /// Adam's alone.
    package let state2: SparseCoderTensors?
    /// By latent.
    private let tokensSinceFired: AlignedBuffer<Int64>
    package internal(set) var steps = 0
    /// Whether the first batch sets b_dec: not when training goes on from an SAE.
    private let setsBias: Bool

    package struct Report: Sendable, Equatable {
        /// What is descended: `fvu + auxk_alpha * auxK + multiFVU / 8`.
        package var loss: Double
        package var losses: SparseCoderStep.Losses
        /// Latents that were dead before this step.
        package var dead: Int
        package var rate: Double
    }

    /// A new SAE: encoder rows uniform in +-1/sqrt(d) (PyTorch's default for a linear layer), no bias, the decoder a normalised copy of the encoder.
    package init(hookpoint: HookPoint, width: Int, settings: SAETrainerSettings) {
        (self.hookpoint, self.width, self.settings) = (hookpoint, width, settings)
        parameters = SparseCoderTensors(latents: settings.latents, width: width)
        state1 = SparseCoderTensors(latents: settings.latents, width: width)
        state2 = settings.optimiser == .adam ? SparseCoderTensors(latents: settings.latents, width: width) : nil
        tokensSinceFired = AlignedBuffer(count: settings.latents)
        setsBias = true
        // Hookpoints of one run begin with different numbers.
        let key = KeyedRandom.key(settings.seed, .latents, hookpoint.layer * 2 + (hookpoint.site == .mlp ? 1 : 0))
        let bound = 1 / Float(width).squareRoot()
        let (encoder, decoder) = (parameters.encoder.pointer, parameters.decoder.pointer)
        for index in 0..<settings.latents * width {
            let value = bound * (Float(KeyedRandom.key(key, .latents, index) >> 40) * 0x1p-23 - 1)
            encoder[index] = value
            decoder[index] = value
        }
    }

    /// Goes on from given parameters.
    package init(
        hookpoint: HookPoint, from parameters: SparseCoderTensors, settings: SAETrainerSettings, firstBatchSetsBias: Bool = false
    ) {
        precondition(parameters.latents == settings.latents)
        (self.hookpoint, self.width, self.settings) = (hookpoint, parameters.width, settings)
        self.parameters = parameters
        state1 = SparseCoderTensors(latents: settings.latents, width: parameters.width)
        state2 = settings.optimiser == .adam ? SparseCoderTensors(latents: settings.latents, width: parameters.width) : nil
        tokensSinceFired = AlignedBuffer(count: settings.latents)
        setsBias = firstBatchSetsBias
    }

    /// The memory of a step, which trainers of equal settings and widths may share.
    package static func makeStep(
        width: Int, settings: SAETrainerSettings, maxTokens: Int, pool: WorkerPool, group: ProcessGroup = ProcessGroup()
    ) -> SparseCoderStep {
        SparseCoderStep(
            latents: settings.latents, width: width, k: settings.k, multiTopK: settings.multiTopK, auxK: settings.auxKAlpha > 0,
            maxTokens: maxTokens, pool: pool, exchange: group)
    }

    /// All that steps change, the number of them aside.
    var state: [StateTensor] {
        let prefix = "\(hookpoint)/"
        return parameters.state(prefix) + state1.state(prefix + "state1.") + (state2?.state(prefix + "state2.") ?? []) + [
            StateTensor(name: prefix + "tokens_since_fired", shape: [settings.latents], values: .i64(tokensSinceFired.pointer))
        ]
    }

    /// Trains on one batch, of which x `[tokens, width]` are the rows of this process; all processes of the step's group call at once.
    /// - Parameter total: steps of the whole training, for the learning rate.
    /// - Throws: `TrainingError.notFinite`, with nothing changed but the length of decoder rows.
    package func train(
        on x: UnsafePointer<Float>, tokens: Int, step: SparseCoderStep, of total: Int
    ) throws(TrainingError) -> Report {
        let mean = step.mean(x, tokens: tokens)
        if steps == 0, setsBias {
            for column in 0..<width { parameters.decoderBias.pointer[column] = Float(mean[column]) }
        }
        step.normaliseDecoder(of: parameters)
        let dead = settings.auxKAlpha > 0 ? deadLatents : []
        let losses = step.forward(x, tokens: tokens, mean: mean, parameters: parameters, dead: dead, auxScale: settings.auxKAlpha)
        let rate = settings.rate(step: steps, of: total)
        let loss = losses.fvu + settings.auxKAlpha * losses.auxK + losses.multiFVU * SparseCoderStep.multiScale
        guard loss.isFinite else {
            throw .notFinite(
                step: steps + 1, what: "the loss at \(hookpoint)",
                advice: "a smaller --rate may help, or look at the data of that step; the last checkpoint is as it was")
        }
        let optimiser: SparseCoderOptimiser =
            switch settings.optimiser {
            case .signum: .signum(rate: rate, average: 1 / Double(steps + 1), momentum: settings.momentum, first: steps == 0)
            case .adam: .adam(rate: rate, step: steps + 1)
            }
        let silent = tokensSinceFired.pointer
        step.update(parameters, state1: state1, state2: state2, optimiser: optimiser, unitDecoder: true) { latent, fired in
            silent[latent] = fired ? 0 : silent[latent] + Int64(step.batchTokens)
        }
        steps += 1
        return Report(loss: loss, losses: losses, dead: dead.count, rate: rate)
    }

    /// Latents that have not fired for more than `deadTokens`, ascending.
    package var deadLatents: [Int32] {
        var dead: [Int32] = []
        for latent in 0..<settings.latents where tokensSinceFired.pointer[latent] > settings.deadTokens { dead.append(Int32(latent)) }
        return dead
    }

    /// What the trained SAE is: of Signum the average x, else the parameters themselves.
    package func exported() -> SparseCoderTensors {
        guard settings.optimiser == .signum, steps > 0 else { return parameters }
        let average = SparseCoderTensors(latents: settings.latents, width: width)
        func write(_ count: Int, _ from: UnsafePointer<Float>, _ state: UnsafePointer<Float>, _ to: UnsafeMutablePointer<Float>) {
            SparseCoderOptimiser.scheduleFreeAverage(momentum: settings.momentum, count: count, parameters: from, state: state, into: to)
        }
        write(settings.latents * width, parameters.encoder.pointer, state1.encoder.pointer, average.encoder.pointer)
        write(settings.latents, parameters.encoderBias.pointer, state1.encoderBias.pointer, average.encoderBias.pointer)
        write(settings.latents * width, parameters.decoder.pointer, state1.decoder.pointer, average.decoder.pointer)
        write(width, parameters.decoderBias.pointer, state1.decoderBias.pointer, average.decoderBias.pointer)
        return average
    }
}
