/// The widths of a decoder that an adapter has to fit. Names of base models are never compared: attaching an adapter made for
/// another base of equal shape is the point.
package struct ModelShape: Sendable, Equatable {
    package var layers: Int
    package var hiddenSize: Int
    /// heads * headDim
    package var queryWidth: Int
    /// kvHeads * headDim
    package var keyValueWidth: Int
    package var ffnSize: Int
    package var vocabSize: Int
    /// Rows of Q and K that make one head; 0 when nobody knows, which only GGUF LoRAs for llama mind.
    package var headDim: Int
    /// Positions that learned embeddings have rows for.
    package var contextLength: Int
    /// Whose names the modules of LoRAs have; nil for those of any architecture.
    package var architecture: Architecture?

    package init(
        layers: Int, hiddenSize: Int, queryWidth: Int, keyValueWidth: Int, ffnSize: Int, vocabSize: Int, headDim: Int = 0,
        contextLength: Int = 0, architecture: Architecture? = nil
    ) {
        self.layers = layers
        self.hiddenSize = hiddenSize
        self.queryWidth = queryWidth
        self.keyValueWidth = keyValueWidth
        self.ffnSize = ffnSize
        self.vocabSize = vocabSize
        self.headDim = headDim
        self.contextLength = contextLength
        self.architecture = architecture
    }

    package subscript(width: Width) -> Int {
        switch width {
        case .hidden: hiddenSize
        case .query: queryWidth
        case .keyValue: keyValueWidth
        case .head: headDim
        case .ffn: ffnSize
        case .vocabulary: vocabSize
        case .positions: contextLength
        }
    }

    /// Width of the projection's input.
    package func inputs(_ module: ProjectionModule) -> Int { self[module.inputs] }

    /// Width of the projection's output.
    package func outputs(_ module: ProjectionModule) -> Int { self[module.outputs] }
}

/// A width that tensors of a model have.
package enum Width: Sendable {
    case hidden
    /// All query heads.
    case query
    /// All heads of keys, or of values.
    case keyValue
    /// One head.
    case head
    case ffn
    case vocabulary
    /// The positions that learned embeddings have.
    case positions
}

extension ModelConfig {
    /// The widths that adapters are checked against.
    package var shape: ModelShape {
        ModelShape(
            layers: layers, hiddenSize: hiddenSize, queryWidth: heads * headDim, keyValueWidth: kvHeads * headDim, ffnSize: ffnSize,
            vocabSize: vocabSize, headDim: headDim, contextLength: contextLength, architecture: family)
    }
}
