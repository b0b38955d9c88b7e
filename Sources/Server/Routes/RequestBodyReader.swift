import Hummingbird
import JSONText
import NIOCore

/// Reads the fields of a request whose body has arrived (`RequestIntake`).
enum RequestBodyReader {
    /// - Throws: 400 when the body is no JSON object.
    static func fields(_ request: Request, _ settings: ServerSettings) async throws -> FieldReader {
        try FieldReader(body: try await body(request).readableBytesView)
    }

    /// The same where the body may be left out.
    static func optionalFields(_ request: Request, _ settings: ServerSettings) async throws -> FieldReader {
        let body = try await body(request)
        return body.readableBytes == 0 ? FieldReader(.object([:])) : try FieldReader(body: body.readableBytesView)
    }

    private static func body(_ request: Request) async throws -> ByteBuffer {
        for try await body in request.body { return body }
        return ByteBuffer()
    }
}
