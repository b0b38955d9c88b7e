import Downloads
import Foundation

/// Finds the base model that an adapter names, on this machine alone.
package struct LocalBase: Sendable {
    /// Folders in which the base may lie under the last part of its name.
    package var folders: [URL]
    package var cache: HubCache

    package init(folders: [URL], cache: HubCache = .standard()) {
        self.folders = folders
        self.cache = cache
    }

    /// - Parameter name: a path or `ORG/NAME`, as `base_model_name_or_path` or a manifest has it.
    /// - Returns: a folder with a configuration or tokenizer, or a `.gguf` file.
    package func find(_ name: String) -> String? {
        let last = name.split(separator: "/").last.map(String.init) ?? name
        guard !last.isEmpty, last != ".", last != ".." else { return nil }
        var places = [URL(fileURLWithPath: NSString(string: name).expandingTildeInPath)]
        for folder in folders { places += [folder.appendingPathComponent(last), folder.appendingPathComponent(last + ".gguf")] }
        if let snapshot = cache.snapshot(of: name) { places.append(snapshot) }
        return places.map(\.standardizedFileURL.path).first(where: Self.isBase)
    }

    private static func isBase(_ path: String) -> Bool {
        let files = path.hasSuffix(".gguf") ? [path] : ["config.json", "tokenizer.json"].map { "\(path)/\($0)" }
        return files.contains(where: FileManager.default.fileExists)
    }
}
