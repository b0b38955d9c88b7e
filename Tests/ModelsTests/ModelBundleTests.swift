import Foundation
import Models
import TestSupport
import Testing

@Suite struct ModelBundleTests {
    @Test func aBrokenChatTemplateIsReportedAndTheModelStillOpens() throws {
        let source = try ReferenceAnswers.folder("models/qwen2/checkpoint")
        #expect(throws: Never.self) { try ModelBundle.open(path: source.path).chatTemplate?.get() }

        let copy = FileManager.default.temporaryDirectory.appendingPathComponent("resa-test-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: copy) }
        try FileManager.default.copyItem(at: source, to: copy)
        try Data("{% if %}".utf8).write(to: copy.appendingPathComponent("chat_template.jinja"))
        let template = try #require(try ModelBundle.open(path: copy.path).chatTemplate)
        #expect(throws: (any Error).self) { try template.get() }
    }
}
