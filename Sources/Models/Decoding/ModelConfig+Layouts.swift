import Architectures
import Tensors

extension ModelConfig {

    /// How one layer's keys and values are stored.
    package func kvLayout(_ format: KVFormat) -> KVLayout {
        KVLayout(kvHeads: kvHeads, headDim: headDim, format: format)
    }

    /// Bytes of keys and values one token needs, over all layers.
    package func kvBytesPerToken(_ format: KVFormat) -> Int {
        2 * layers * kvLayout(format).bytesPerBlock / KVLayout.blockTokens
    }
}
