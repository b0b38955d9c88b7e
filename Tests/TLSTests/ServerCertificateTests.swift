import Foundation
import Logging
import Testing

@testable import TLS

/// A folder with a certificate and its key.
final class PairFolder {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("resa-tls-\(UUID().uuidString)")

    init(certificate: String = TestPairs.certificate, key: String = TestPairs.key) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try write(certificate: certificate, key: key)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    var files: TLSFiles {
        TLSFiles(certificate: folder.appendingPathComponent("c.pem").path, key: folder.appendingPathComponent("k.pem").path)
    }

    func write(certificate: String, key: String) throws {
        try Data(certificate.utf8).write(to: URL(fileURLWithPath: files.certificate), options: .atomic)
        try Data(key.utf8).write(to: URL(fileURLWithPath: files.key), options: .atomic)
    }
}

@Suite struct ServerCertificateTests {
    private func failure(_ certificate: String, _ key: String) throws -> TLSError? {
        let pair = try PairFolder(certificate: certificate, key: key)
        do throws(TLSError) {
            _ = try ServerCertificate(pair.files)
            return nil
        } catch { return error }
    }

    @Test func whatIsOfNoUseIsToldApart() throws {
        #expect(try failure(TestPairs.certificate, TestPairs.key) == nil)
        guard case .noCertificate? = try failure("", TestPairs.key) else { return #expect(Bool(false)) }
        guard case .noCertificate? = try failure(TestPairs.key, TestPairs.key) else { return #expect(Bool(false)) }
        guard case .noKey? = try failure(TestPairs.certificate, "") else { return #expect(Bool(false)) }
        guard case .mismatched? = try failure(TestPairs.certificate, TestPairs.otherKey) else { return #expect(Bool(false)) }
        guard case .expired? = try failure(TestPairs.expiredCertificate, TestPairs.expiredKey) else { return #expect(Bool(false)) }
        let nowhere = TLSFiles(certificate: "/nowhere/c.pem", key: "/nowhere/k.pem")
        #expect(throws: TLSError.unreadable(file: "/nowhere/c.pem", reason: "No such file or directory")) {
            try ServerCertificate(nowhere)
        }
    }

    @Test func changesAreReadAndNonsenseIsNot() async throws {
        let pair = try PairFolder()
        let certificate = try ServerCertificate(pair.files)
        let logger = Logger(label: "test")
        let first = certificate.current(logger)
        #expect(certificate.current(logger) === first)
        try pair.write(certificate: "half", key: TestPairs.otherKey)
        try await Task.sleep(for: .milliseconds(600))
        #expect(certificate.current(logger) === first)
        try pair.write(certificate: TestPairs.otherCertificate, key: TestPairs.otherKey)
        try await Task.sleep(for: .milliseconds(600))
        let second = certificate.current(logger)
        #expect(second !== first)
        try await Task.sleep(for: .milliseconds(600))
        #expect(certificate.current(logger) === second)
    }
}
