import Tensors

/// Adapters of arbitrary numbers and no meaning, made in memory: what measurements of speed attach.
package enum RandomAdapters {
    /// A LoRA on all seven projections of every layer.
    package static func lora(
        seed: UInt64, rank: Int, shape: ModelShape, format: AdapterFormat, pool: WorkerPool
    ) throws -> LoRAAdapter {
        let projections = (0..<shape.layers).flatMap { layer in ProjectionModule.allCases.map { (layer: layer, module: $0) } }
        let shapes = projections.flatMap { place -> [(outputs: Int, inputs: Int)] in
            [(rank, shape.inputs(place.module)), (shape.outputs(place.module), rank)]
        }
        let memory = LoRAMemory(LoRAMemory.Plan(shapes, format: format))
        func factor(_ index: Int, deviation: Float) throws -> PackedMatrix {
            let (outputs, inputs) = shapes[index]
            return try PackedMatrix(
                format: memory.format(index), outputs: outputs, inputs: inputs, storage: memory.storage(index), pool: pool
            ) { rows, target in
                fill(target, rows, inputs, seed: seed &+ UInt64(index) << 32, deviation: deviation)
            }
        }
        let updates = try projections.enumerated().map { index, place in
            let a = try factor(2 * index, deviation: 1 / Float(shape.inputs(place.module)).squareRoot())
            let b = try factor(2 * index + 1, deviation: 0.02)
            return (layer: place.layer, module: place.module, update: LoRAUpdate(a: a, b: b, scale: 1))
        }
        return LoRAAdapter(name: "random-lora-\(seed)", digest: "random-\(seed)", layers: shape.layers, updates: updates)
    }

    /// A top-k SAE, held in bf16.
    package static func sae(at hookpoint: HookPoint, latents: Int, k: Int, width: Int, pool: WorkerPool) throws -> SparseAutoencoder {
        let deviation = 1 / Float(width).squareRoot()
        let bias = AlignedBuffer<Float>(count: latents)
        let encoder = try LatentEncoder(
            latents: latents, width: width, format: .bf16, bias: UnsafePointer(bias.pointer), pool: pool
        ) { rows, target in
            fill(target, rows, width, seed: 1, deviation: deviation)
        }
        let decoder = try RowTable(rows: latents, width: width, format: .bf16) { rows, target in
            fill(target, rows, width, seed: 2, deviation: deviation)
        }
        return SparseAutoencoder(
            name: "random-sae", digest: "random", hookpoint: hookpoint, activation: .topk, k: k, transcode: false,
            encoder: .shortlisted(encoder), encoderBias: bias, isCentred: true, decoder: decoder,
            decoderBias: AlignedBuffer(count: width), skipMatrix: nil)
    }

    package static func steering(at hookpoint: HookPoint, width: Int) -> SteeringVectors {
        let direction = AlignedBuffer<Float>(count: width)
        fill(direction.pointer, 0..<1, width, seed: 3, deviation: 0.02)
        return SteeringVectors(name: "random-vector", digest: "random", hookpoints: [hookpoint], width: width, directions: direction)
    }

    /// Roughly normal: sums of the four 16-bit parts of a hash (SplitMix64) of seed and place.
    private static func fill(
        _ target: UnsafeMutablePointer<Float>, _ rows: Range<Int>, _ width: Int, seed: UInt64, deviation: Float
    ) {
        // The sum has variance 4 * 65536^2 / 12.
        let scale = deviation / (65536 * (1 / Float(3).squareRoot()))
        for index in 0..<rows.count * width {
            var z = (UInt64(rows.lowerBound * width + index) &+ seed &* 0xD129_0D3B_31B4_9E67) &* 0x9E37_79B9_7F4A_7C15
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            z ^= z >> 31
            let sum = (z & 0xffff) + (z >> 16 & 0xffff) + (z >> 32 & 0xffff) + (z >> 48)
            target[index] = (Float(sum) - 131070) * scale
        }
    }
}
