extension ServerState {
    /// The prompt that a chat becomes.
    func render(_ chat: ChatPrompt) throws(APIError) -> String {
        do { return try service.render(chat) } catch { throw APIError(error, model: service.model.name) }
    }

    /// The tokens of a text, within the limit on texts.
    /// - Parameter param: the field that holds the text.
    /// - Throws: 400 when the text is too long.
    func encode(_ text: String, addSpecialTokens: Bool, param: String = "prompt") throws(APIError) -> [Int32] {
        let bytes = text.utf8.count
        guard bytes <= settings.maxTextBytes else {
            throw .bad(
                param, "the text has \(bytes) bytes; at most \(settings.maxTextBytes) are made into tokens (--max-text)",
                code: "text_too_long")
        }
        return service.encode(text, addSpecialTokens: addSpecialTokens)
    }
}
