import AdapterRegistry
import Downloads
import Foundation
import Testing

@Suite struct LocalBaseTests {
    private let folder = try! AdaptersFolder()

    private func finder(_ folders: String...) -> LocalBase {
        LocalBase(folders: folders.map(folder.path), cache: HubCache(folder: folder.path("hub")))
    }

    @Test func findsFoldersAndFilesByTheLastPartOfTheName() throws {
        try folder.write("{}", to: "models/tiny/config.json")
        try folder.write("GGUF", to: "more/tiny-2.gguf")
        try folder.write("nothing of a model", to: "models/empty/README.md")
        let finder = finder("models", "more")
        #expect(finder.find("org/tiny") == folder.path("models/tiny").standardizedFileURL.path)
        #expect(finder.find("tiny-2") == folder.path("more/tiny-2.gguf").standardizedFileURL.path)
        #expect(finder.find("org/empty") == nil)
        #expect(finder.find("org/other") == nil)
    }

    @Test func aPathGoesFirst() throws {
        for place in ["here/tiny", "models/tiny"] { try folder.write("{}", to: "\(place)/tokenizer.json") }
        #expect(finder("models").find(folder.path("here/tiny").path) == folder.path("here/tiny").standardizedFileURL.path)
    }

    @Test func theCacheGivesTheCommitThatMainMeans() throws {
        for commit in ["aaa", "bbb"] { try folder.write("{}", to: "hub/models--org--tiny/snapshots/\(commit)/config.json") }
        let snapshots = folder.path("hub/models--org--tiny/snapshots").standardizedFileURL.path
        #expect(finder().find("org/tiny") == "\(snapshots)/aaa")
        try folder.write("bbb\n", to: "hub/models--org--tiny/refs/main")
        #expect(finder().find("org/tiny") == "\(snapshots)/bbb")
        try folder.write("ccc", to: "hub/models--org--tiny/refs/main")
        #expect(finder().find("org/tiny") == "\(snapshots)/aaa")
    }

    /// Names come from strangers' adapters.
    @Test(arguments: ["", "/", "..", "org/..", "a/b/c", "../../etc", "org/.hidden", "//"])
    func oddNamesFindNothing(name: String) throws {
        try folder.write("{}", to: "config.json")
        try folder.write("{}", to: "hub/models--a--b--c/snapshots/x/config.json")
        #expect(finder("models").find(name) == nil)
    }

    @Test func theEnvironmentSaysWhereTheCacheIs() {
        func place(_ environment: [String: String]) -> String { HubCache.standard(environment: environment).folder.path }
        #expect(place(["HOME": "/home/a"]) == "/home/a/.cache/huggingface/hub")
        #expect(place(["HOME": "/home/a", "XDG_CACHE_HOME": "/c"]) == "/c/huggingface/hub")
        #expect(place(["HF_HOME": "/h", "XDG_CACHE_HOME": "/c"]) == "/h/hub")
        #expect(place(["HF_HOME": "/h", "HUGGINGFACE_HUB_CACHE": "/old"]) == "/old")
        #expect(place(["HF_HUB_CACHE": "/new", "HUGGINGFACE_HUB_CACHE": "/old"]) == "/new")
        #expect(place(["HF_HUB_CACHE": "", "HF_HOME": "/h"]) == "/h/hub")
    }
}
