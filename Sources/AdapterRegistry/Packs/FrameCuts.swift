import Checkpoints

/// Where a file is cut into frames: each tensor is a frame of its own, so that one can be fetched without the others and equal data meets
/// equal data; what lies between tensors (a header, padding) is one too. A file that holds no tensors this program can find is one frame.
enum FrameCuts {
    struct Cut: Equatable {
        let tensor: String?
        let size: Int
    }

    /// - Parameter name: the file's in its adapter, which tells its kind; a blob's own does not.
    /// - Returns: cuts whose sizes are at least 1 and sum up to `size`.
    static func of(_ path: String, named name: String, size: Int) -> [Cut] {
        guard size > 0 else { return [] }
        guard let source = tensors(path, named: name) else { return [Cut(tensor: nil, size: size)] }
        let infos = source.tensorNames.compactMap(source.info).filter { !$0.byteRange.isEmpty }
            .sorted { $0.byteRange.lowerBound < $1.byteRange.lowerBound }
        var cuts: [Cut] = []
        var end = 0
        for info in infos {
            // Readers have checked it; the file may have been replaced since.
            guard info.byteRange.lowerBound >= end, info.byteRange.upperBound <= size else { return [Cut(tensor: nil, size: size)] }
            if info.byteRange.lowerBound > end { cuts.append(Cut(tensor: nil, size: info.byteRange.lowerBound - end)) }
            cuts.append(Cut(tensor: info.name, size: info.byteRange.count))
            end = info.byteRange.upperBound
        }
        if end < size { cuts.append(Cut(tensor: nil, size: size - end)) }
        return cuts
    }

    private static func tensors(_ path: String, named name: String) -> (any TensorSource)? {
        if name.hasSuffix(".safetensors") { return try? SafetensorsFile(path: path) }
        if name.hasSuffix(".gguf") { return try? GGUFFile(path: path) }
        return nil
    }
}
