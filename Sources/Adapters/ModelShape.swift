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

    package init(
        layers: Int, hiddenSize: Int, queryWidth: Int, keyValueWidth: Int, ffnSize: Int, vocabSize: Int, headDim: Int = 0
    ) {
        self.layers = layers
        self.hiddenSize = hiddenSize
        self.queryWidth = queryWidth
        self.keyValueWidth = keyValueWidth
        self.ffnSize = ffnSize
        self.vocabSize = vocabSize
        self.headDim = headDim
    }

    /// Width of the projection's input.
    package func inputs(_ module: ProjectionModule) -> Int {
        switch module {
        case .q, .k, .v, .gate, .up: hiddenSize
        case .o: queryWidth
        case .down: ffnSize
        }
    }

    /// Width of the projection's output.
    package func outputs(_ module: ProjectionModule) -> Int {
        switch module {
        case .q: queryWidth
        case .k, .v: keyValueWidth
        case .gate, .up: ffnSize
        case .o, .down: hiddenSize
        }
    }
}
