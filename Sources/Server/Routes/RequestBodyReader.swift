import Hummingbird
import JSONText
import NIOCore

/// Reads request bodies within the limits on size and time.
enum RequestBodyReader {
    /// - Throws: 413 when the body is too large, 408 when it does not arrive in time, 400 when it is no JSON object.
    static func fields(_ request: Request, _ settings: ServerSettings) async throws -> FieldReader {
        if let encoding = request.headers[.contentEncoding], encoding.lowercased() != "identity" {
            throw APIError.unsupported(
                "Content-Encoding", "bodies with Content-Encoding \(encoding.prefix(40)) are not read; send them plain")
        }
        return try FieldReader(body: try await bytes(request, settings))
    }

    /// The same where the body may be left out.
    static func optionalFields(_ request: Request, _ settings: ServerSettings) async throws -> FieldReader {
        let bytes = try await bytes(request, settings)
        return bytes.isEmpty ? FieldReader(JSONObject([])) : try FieldReader(body: bytes)
    }

    private static func bytes(_ request: Request, _ settings: ServerSettings) async throws -> [UInt8] {
        let limit = settings.maxBodyBytes
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limit { throw APIError.bodyTooLarge(limit: limit) }
        return try await withThrowingTaskGroup(of: [UInt8].self) { group in
            group.addTask {
                var bytes: [UInt8] = []
                do {
                    for try await buffer in request.body {
                        guard bytes.count + buffer.readableBytes <= limit else { throw APIError.bodyTooLarge(limit: limit) }
                        bytes.append(contentsOf: buffer.readableBytesView)
                    }
                } catch let error as APIError {
                    throw error
                } catch {
                    // The client left in the middle, or its chunks are no chunks.
                    throw APIError(
                        status: .badRequest, message: "the body ends early: \(error)", code: "incomplete_body", closesConnection: true)
                }
                return bytes
            }
            group.addTask {
                try await Task.sleep(for: .seconds(settings.bodySeconds))
                throw APIError(
                    status: .requestTimeout, message: "the body did not arrive within \(settings.bodySeconds) seconds",
                    code: "body_timeout",
                    closesConnection: true)
            }
            defer { group.cancelAll() }
            return try await group.next() ?? []
        }
    }
}
