import Adapters
import Foundation
import Models
import Tensors

/// Computes loss and gradients of one sequence at a time: the base model without SAE and LoRA against the same model with both. It knows
/// nothing about data, steps or files. Owned by one thread.
package final class FineTuner {
    package let decoder: FrozenDecoder
    package let lora: LoRAParameters
    package let splice: (hookpoint: HookPoint, sae: SAESplice)?
    package let objective: TrainingObjective
    /// Tokens of every sequence.
    package let length: Int
    /// Lower layers in which student and teacher are the same, so that they are run once.
    package let sharedLayers: Int
    /// The lowest layer that gradients reach.
    private let lowestLayer: Int
    private let dropout: Float
    private let pool: WorkerPool
    private let workspace = Workspace()
    private let cosSin: MatrixView
    private let inverseCosSin: MatrixView
    private let loss: TrainingLoss
    /// By layer: everything the backward pass reads, where `memory` allows, else the layer's input alone.
    private let traces: [LayerTrace?]
    private let inputs: [StoredMatrix?]
    private let scratch: LayerTrace
    private let cache: StateCache

    /// - Parameters:
    ///   - splice: the SAE in the student; none for cross-entropy.
    ///   - traceBytes: memory for traces of whole layers, which then need not be computed twice.
    ///   - cacheBytes: memory for what the frozen lower layers and the teacher made of a sequence, kept from one epoch to the next.
    package init(
        decoder: FrozenDecoder, lora: LoRAParameters, splice: (hookpoint: HookPoint, sae: SAESplice)?, objective: TrainingObjective,
        length: Int, dropout: Float = 0, traceBytes: Int, cacheBytes: Int, pool: WorkerPool
    ) {
        (self.decoder, self.lora, self.splice, self.objective) = (decoder, lora, splice, objective)
        (self.length, self.dropout, self.pool) = (length, dropout, pool)
        let config = decoder.config
        let hookpoint = splice?.hookpoint
        let isCut = splice?.sae.gradient == .cut
        Self.choose(lora, splice)
        if isCut, case .residual(let layer)? = hookpoint {
            lowestLayer = layer + 1
            sharedLayers = lora.entries.contains { $0.layer <= layer && $0.acts } ? 0 : layer + 1
        } else {
            lowestLayer = 0
            sharedLayers = 0
        }
        (cosSin, inverseCosSin) = decoder.rotaryTables(rows: length, pool: pool, workspace: workspace)
        loss = TrainingLoss(objective: objective, head: decoder.head)
        let plan = TracePlan(config: config, rows: length, rank: lora.rank, lowestLayer: lowestLayer, traceBytes: traceBytes)
        traces = (0..<config.layers).map { plan.isKept($0) ? LayerTrace(config: config, rows: length, rank: lora.rank) : nil }
        inputs = (0..<config.layers).map {
            plan.needsInput($0) ? StoredMatrix(rows: length, columns: config.hiddenSize) : nil
        }
        scratch = LayerTrace(config: config, rows: length, rank: lora.rank)
        cache = StateCache(limit: sharedLayers > 0 ? cacheBytes : 0)
    }

    /// Which projections a gradient reaches. Repeat it when the LoRA's values were replaced.
    func chooseTrained() { Self.choose(lora, splice) }

    private static func choose(_ lora: LoRAParameters, _ splice: (hookpoint: HookPoint, sae: SAESplice)?) {
        lora.choose { entry in
            guard let splice, splice.sae.gradient == .cut else { return true }
            switch splice.hookpoint {
            case .residual(let layer): return entry.layer > layer
            // The residual stream goes round the MLP and carries gradients below it.
            case .mlp(let layer): return entry.layer != layer || !entry.module.isFeedForward
            }
        }
    }

    /// Computes the loss of one sequence of `length` tokens and adds its gradients to the LoRA's.
    /// - Parameters:
    ///   - sequence: identifies the tokens for the cache: equal numbers are equal tokens.
    ///   - positions: which positions count, ascending.
    ///   - weight: what the sum over positions is multiplied with.
    ///   - dropoutKey: decides this step's dropout masks.
    package func accumulate(
        tokens: [Int32], sequence: Int? = nil, positions: [Int], weight: Double, dropoutKey: UInt64 = 0
    ) -> Double {
        precondition(tokens.count == length, "FineTuner: \(tokens.count) tokens, made for \(length)")
        let mark = workspace.mark()
        defer { workspace.release(mark) }
        let width = decoder.config.hiddenSize
        let h = workspace.matrix(length, width)
        var base = LayerPass(
            config: decoder.config, pool: pool, workspace: workspace, cosSin: cosSin, inverseCosSin: inverseCosSin, lora: nil, dropout: nil)
        var teacher: MatrixView?
        if let sequence, let known = cache.find(sequence) {
            h.copy(from: known.student)
            teacher = known.teacher
        } else {
            decoder.embed(tokens, into: h)
            for layer in 0..<sharedLayers { decoder.layers[layer].forward(h, trace: scratch, pass: base) }
            if objective.needsTeacher { teacher = teacherStates(from: h, pass: base) }
            if sharedLayers > 0 { splice?.sae.apply(to: h, pass: base) }
            if let sequence, let teacher { cache.keep(sequence, student: h, teacher: teacher) }
        }
        base.lora = lora
        if dropout > 0 { base.dropout = LayerPass.Dropout(rate: dropout, key: dropoutKey) }
        return student(h, teacher, tokens, positions, weight, pass: base)
    }

    /// The teacher's states after the final norm, from the shared layers' output.
    private func teacherStates(from h: MatrixView, pass: LayerPass) -> MatrixView {
        let states = workspace.matrix(length, decoder.config.hiddenSize)
        states.copy(from: h)
        for layer in sharedLayers..<decoder.layers.count { decoder.layers[layer].forward(states, trace: scratch, pass: pass) }
        normalise(states, into: states)
        return states
    }

    private func student(
        _ h: MatrixView, _ teacher: MatrixView?, _ tokens: [Int32], _ positions: [Int], _ weight: Double, pass: LayerPass
    ) -> Double {
        let width = decoder.config.hiddenSize
        for layer in sharedLayers..<decoder.layers.count {
            inputs[layer]?.view.copy(from: h)
            decoder.layers[layer].forward(h, trace: traces[layer] ?? scratch, splice: sae(at: .mlp(layer: layer)), pass: pass)
            sae(at: .residual(layer: layer))?.apply(to: h, pass: pass)
        }
        let normalised = workspace.matrix(length, width)
        normalise(h, into: normalised)
        let slopes = workspace.matrix(length, width)
        let labels = positions.map { $0 + 1 < tokens.count ? tokens[$0 + 1] : 0 }
        let value = loss.run(
            student: normalised, teacher: teacher, positions: positions, labels: labels, weight: weight, gradient: slopes, pool: pool,
            workspace: workspace)
        let dh = workspace.matrix(length, width)
        dh.fill(0)
        normaliseBackward(h, slopes, into: dh)
        for layer in (lowestLayer..<decoder.layers.count).reversed() {
            if layer >= sharedLayers, let sae = sae(at: .residual(layer: layer)) { sae.backward(dh, pass: pass) }
            let trace = traces[layer] ?? scratch
            if let input = inputs[layer] { decoder.layers[layer].refill(trace, from: input.view, pass: pass) }
            decoder.layers[layer].backward(
                dh, trace: trace, splice: sae(at: .mlp(layer: layer)), needsInput: layer > lowestLayer, pass: pass)
        }
        return value
    }

    private func sae(at hookpoint: HookPoint) -> SAESplice? { splice?.hookpoint == hookpoint ? splice?.sae : nil }

    private func normalise(_ x: MatrixView, into y: MatrixView) {
        RowOperations.rmsNorm(x, weight: decoder.finalNorm.pointer, epsilon: decoder.config.rmsEpsilon, into: y, pool: pool)
    }

    /// dh += the gradient by the final norm's argument. Overwrites dy.
    private func normaliseBackward(_ x: MatrixView, _ dy: MatrixView, into dh: MatrixView) {
        RowOperations.rmsNormBackward(
            x, weight: decoder.finalNorm.pointer, epsilon: decoder.config.rmsEpsilon, dy, addingTo: dh, pool: pool)
    }
}

extension FineTuner {
    /// Makes the LoRA that the settings describe.
    /// - Parameters:
    ///   - start: the adapter's folder that it starts from; nil for B = 0.
    /// - Throws: what `LoRAParameters.read` throws for an adapter that does not fit.
    package convenience init(
        decoder: FrozenDecoder, settings: TuneSettings, start: String?, splice: (hookpoint: HookPoint, sae: SAESplice)?, length: Int,
        traceBytes: Int, cacheBytes: Int, pool: WorkerPool
    ) throws {
        let lora = LoRAParameters(
            shape: decoder.config.shape, rank: settings.rank, alpha: settings.alpha, modules: settings.modules, seed: settings.seed)
        if let start { try lora.read(folder: URL(fileURLWithPath: start)) }
        self.init(
            decoder: decoder, lora: lora, splice: splice, objective: settings.objective, length: length,
            dropout: Float(settings.dropout), traceBytes: traceBytes, cacheBytes: cacheBytes, pool: pool)
    }
}
