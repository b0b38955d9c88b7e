import Adapters
import Tensors

extension ModelConfig {
    /// The widths that adapters are checked against.
    package var shape: ModelShape {
        ModelShape(
            layers: layers, hiddenSize: hiddenSize, queryWidth: heads * headDim, keyValueWidth: kvHeads * headDim, ffnSize: ffnSize,
            vocabSize: vocabSize, headDim: headDim)
    }

    /// How one layer's keys and values are stored.
    package func kvLayout(_ format: KVFormat) -> KVLayout {
        KVLayout(kvHeads: kvHeads, headDim: headDim, format: format)
    }

    /// Bytes of keys and values one token needs, over all layers.
    package func kvBytesPerToken(_ format: KVFormat) -> Int {
        2 * layers * kvLayout(format).bytesPerBlock / KVLayout.blockTokens
    }
}
