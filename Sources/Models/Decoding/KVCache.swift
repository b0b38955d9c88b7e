import Architectures
import Tensors

/// Keys and values of all layers, in blocks of `KVLayout.blockTokens` positions from one budget.
///
/// Memory is reserved at once and touched only when a block is first written. Which sequence owns which block is the
/// engine's business; the cache only stores. Confined to the thread that runs the model.
package final class KVCache {
    package let layout: KVLayout
    package let layers: Int
    package let blockCount: Int

    private let storage: AlignedBuffer<UInt8>
    private let layerBytes: Int

    package init(layout: KVLayout, layers: Int, blockCount: Int) {
        self.layout = layout
        self.layers = layers
        self.blockCount = blockCount
        layerBytes = layout.bytesPerBlock * blockCount
        storage = AlignedBuffer(count: 2 * layers * layerBytes)
    }

    package var byteCount: Int { 2 * layers * layerBytes }

    /// First byte of a layer's keys: `blockCount` blocks of `layout.bytesPerBlock`.
    package func keys(_ layer: Int) -> UnsafeMutableRawPointer { base(2 * layer) }

    /// First byte of a layer's values: as many blocks.
    package func values(_ layer: Int) -> UnsafeMutableRawPointer { base(2 * layer + 1) }

    /// Copies one block's keys and values of every layer.
    package func copyBlock(from source: Int, to target: Int) {
        let bytes = layout.bytesPerBlock
        for plane in 0..<(2 * layers) {
            base(plane).advanced(by: target * bytes)
                .copyMemory(from: base(plane).advanced(by: source * bytes), byteCount: bytes)
        }
    }

    /// Bytes of one block's keys and values of `layers` layers.
    package func blockBytes(layers: Int) -> Int { 2 * layers * layout.bytesPerBlock }

    /// Copies one block's keys and values of the first `layers` layers out, `blockBytes(layers:)` of them.
    package func save(block: Int, layers: Int, to target: UnsafeMutableRawPointer) {
        let bytes = layout.bytesPerBlock
        for plane in 0..<(2 * layers) {
            target.advanced(by: plane * bytes).copyMemory(from: base(plane).advanced(by: block * bytes), byteCount: bytes)
        }
    }

    /// Copies what `save` wrote back, into any block. What a token leaves in the cache does not depend on where its block lies.
    package func restore(block: Int, layers: Int, from source: UnsafeRawPointer) {
        let bytes = layout.bytesPerBlock
        for plane in 0..<(2 * layers) {
            base(plane).advanced(by: block * bytes).copyMemory(from: source.advanced(by: plane * bytes), byteCount: bytes)
        }
    }

    private func base(_ plane: Int) -> UnsafeMutableRawPointer {
        UnsafeMutableRawPointer(storage.pointer).advanced(by: plane * layerBytes)
    }
}

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
