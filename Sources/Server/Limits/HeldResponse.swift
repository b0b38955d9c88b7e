import HTTPTypes
import Hummingbird
import NIOCore

/// Sends large answers piece by piece, as the client takes them, and counts them until they are sent.
enum HeldResponse {
    /// Bytes of an answer that are written at once, and of those that are not counted.
    fileprivate static let pieceBytes = 64 << 10

    static func hold(_ response: Response, _ share: RequestShare) -> Response {
        // Streams hold their own share.
        guard let length = response.body.contentLength else { return response }
        share.settle(at: length)
        guard length > pieceBytes else { return response }
        let body = response.body
        var response = response
        response.body = ResponseBody(contentLength: length) { writer in
            defer { share.settle(at: 0) }
            try await body.write(PieceWriter(parent: writer))
        }
        return response
    }
}

private struct PieceWriter: ResponseBodyWriter {
    var parent: any ResponseBodyWriter

    mutating func write(_ buffer: ByteBuffer) async throws {
        var rest = buffer
        while let piece = rest.readSlice(length: min(rest.readableBytes, HeldResponse.pieceBytes)), piece.readableBytes > 0 {
            try await parent.write(piece)
        }
    }

    consuming func finish(_ trailingHeaders: HTTPFields?) async throws { try await parent.finish(trailingHeaders) }
}
