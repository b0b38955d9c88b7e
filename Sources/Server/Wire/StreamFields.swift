/// `stream` and `stream_options`.
struct StreamFields {
    let streams: Bool
    /// Send a last chunk with the usage of the whole request.
    let includesUsage: Bool

    static let whole = StreamFields(streams: false, includesUsage: false)

    private init(streams: Bool, includesUsage: Bool) { (self.streams, self.includesUsage) = (streams, includesUsage) }

    init(_ fields: FieldReader) throws(APIError) {
        streams = try fields.bool("stream") ?? false
        let options = try fields.object("stream_options")
        if options != nil, !streams {
            throw .bad("stream_options", "stream_options needs \"stream\": true")
        }
        includesUsage = try options?.bool("include_usage") ?? false
        if try options?.bool("continuous_usage_stats") ?? false {
            throw .unsupported(
                "stream_options.continuous_usage_stats",
                "stream_options.continuous_usage_stats is not supported; include_usage tells the usage in the last chunk")
        }
    }
}
