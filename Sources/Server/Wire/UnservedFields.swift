import JSONText

/// Fields of OpenAI's API, of vLLM's and of llama-server's that would change an answer, and that this server does not serve.
///
/// Who asks for something never gets an answer as though nothing had been asked: 400 `unsupported_value` with the field's name, unless the
/// field holds a value under which those servers would answer the same. What only concerns speed, placement or book-keeping there
/// (`cache_prompt`, `service_tier`, `metadata`, ...) is not listed, and is ignored as any field that nobody knows.
/// Sources: OpenAI's API reference, vLLM's `protocol.py` and the README of llama.cpp's server, as of 2026. A new field is one line of `table`.
enum UnservedFields {
    /// A route that reads a prompt.
    enum Route: CaseIterable {
        case chat, completion, compare, features, tokenize

        static let answering: [Route] = [.chat, .completion, .compare]
    }

    /// Values that change nothing.
    struct Neutral: Sendable {
        /// What to send instead, in words; empty when the field can only be left out.
        let words: String
        let holds: @Sendable (_ value: JSON, _ request: FieldReader) -> Bool

        static let nothing = Neutral(words: "") { _, _ in false }
        static let no = Neutral(words: "false") { value, _ in value == .bool(false) }
        static let yes = Neutral(words: "true") { value, _ in value == .bool(true) }
        /// `""`, `[]` or `{}`.
        static let empty = Neutral(words: "") { value, _ in
            value.string?.isEmpty == true || value.array?.isEmpty == true || value.object?.keys.isEmpty == true
        }

        static func number(_ neutral: Int) -> Neutral { Neutral(words: "\(neutral)") { value, _ in value.double == Double(neutral) } }

        /// Everything up to a number.
        static func atMost(_ limit: Int) -> Neutral {
            Neutral(words: "\(limit)") { value, _ in value.double.map { $0 <= Double(limit) } ?? false }
        }

        static func words(_ words: String...) -> Neutral {
            Neutral(words: words.map { "\"\($0)\"" }.joined(separator: " or ")) { value, _ in value.string.map(words.contains) ?? false }
        }
    }

    struct Entry: Sendable {
        var names: [String]
        var neutral: Neutral
        var routes: [Route] = Route.answering
        /// What to send instead.
        var hint: String?
    }

    static let table: [Entry] = [
        // What an answer must look like.
        Entry(names: ["response_format"], neutral: .plainText, routes: Route.answering),
        Entry(
            names: [
                "structured_outputs", "structural_tag", "grammar", "grammar_triggers", "guided_json", "guided_regex", "guided_choice",
                "guided_grammar", "guided_decoding_backend", "guided_whitespace_pattern",
            ], neutral: .empty),
        // An empty schema asks for any JSON.
        Entry(names: ["json_schema"], neutral: .nothing),
        Entry(names: ["tool_choice", "function_call"], neutral: .words("none", "auto")),
        Entry(names: ["parallel_tool_calls"], neutral: .withoutTools),
        Entry(names: ["functions"], neutral: .empty, routes: Route.allCases, hint: "send tools"),
        Entry(names: ["modalities"], neutral: .onlyText),
        Entry(names: ["verbosity"], neutral: .words("medium")),
        Entry(names: ["audio", "moderation", "web_search_options"], neutral: .nothing),

        // How tokens are chosen.
        Entry(names: ["min_tokens", "mirostat", "xtc_probability", "dry_multiplier", "dynatemp_range", "min_keep"], neutral: .number(0)),
        Entry(names: ["typical_p", "typ_p", "length_penalty"], neutral: .number(1)),
        Entry(names: ["top_n_sigma", "adaptive_target"], neutral: .belowZero),
        Entry(names: ["repeat_penalty"], neutral: .number(1), hint: "send repetition_penalty"),
        Entry(names: ["repeat_last_n"], neutral: .withoutPenalties),
        Entry(names: ["allowed_token_ids", "bad_words", "logits_processors", "samplers", "vllm_xargs"], neutral: .empty),
        Entry(names: ["use_beam_search", "early_stopping", "watermarking"], neutral: .no),

        // When an answer ends.
        Entry(names: ["n_predict"], neutral: .nothing, hint: "send max_tokens"),
        Entry(names: ["t_max_predict_ms"], neutral: .atMost(0)),
        Entry(names: ["n_indent"], neutral: .number(0)),
        Entry(names: ["thinking_token_budget", "reasoning_budget_tokens", "thinking_budget_tokens"], neutral: .number(-1)),
        Entry(names: ["repetition_detection"], neutral: .empty),
        Entry(names: ["reasoning_control"], neutral: .no),

        // What is read.
        Entry(names: ["truncate_prompt_tokens"], neutral: .nothing, routes: Route.allCases, hint: "send a shorter prompt"),
        Entry(names: ["prompt_embeds", "kv_transfer_params", "ec_transfer_params"], neutral: .empty),
        Entry(names: ["lora"], neutral: .empty, hint: "name adapters in the field adapters"),
        Entry(names: ["suffix"], neutral: .empty),
        Entry(names: ["parse_special"], neutral: .yes, routes: Route.allCases),

        // What is told.
        Entry(names: ["prompt_logprobs"], neutral: .no, hint: "completions tell them with echo and logprobs"),
        Entry(names: ["n_probs"], neutral: .number(0), hint: "send logprobs"),
        Entry(names: ["logprob_token_ids", "response_fields"], neutral: .empty),
        Entry(
            names: [
                "return_token_ids", "return_tokens_as_token_ids", "return_tokens", "return_prompt_text", "return_progress",
                "timings_per_token", "post_sampling_probs",
            ], neutral: .no),
        Entry(names: ["with_pieces"], neutral: .no, routes: [.tokenize], hint: "send return_token_strs"),
        Entry(names: ["reasoning_format"], neutral: .words("auto", "deepseek")),

        // Who is served when, and what is kept of it.
        Entry(names: ["priority"], neutral: .number(0)),
        Entry(names: ["cache_salt"], neutral: .empty),

        // What some routes serve.
        Entry(names: ["prompt"], neutral: .nothing, routes: [.chat], hint: "a chat has messages"),
        Entry(names: ["messages"], neutral: .nothing, routes: [.completion], hint: "a completion has a prompt"),
        Entry(names: ["n_cmpl"], neutral: .number(1), hint: "send n"),
        Entry(names: ["n"], neutral: .number(1), routes: [.compare]),
        Entry(names: ["best_of"], neutral: .asManyAsChoices),
        Entry(names: ["echo"], neutral: .no, routes: [.chat, .compare]),
        Entry(names: ["logprobs"], neutral: .noAlternatives, routes: [.compare], hint: "a comparison tells log-probabilities anyway"),
        Entry(names: ["top_logprobs"], neutral: .number(0), routes: [.completion], hint: "send logprobs"),
        Entry(names: ["top_logprobs"], neutral: .number(0), routes: [.compare]),
        Entry(names: ["stream"], neutral: .no, routes: [.compare, .features], hint: "this is answered whole"),
        Entry(names: ["observe_prompt"], neutral: .no, routes: [.compare]),
        Entry(names: ["features"], neutral: .nothing, routes: [.compare]),
        Entry(names: ["features"], neutral: .nothing, routes: [.features], hint: "its members stand beside the prompt"),
    ]

    private static let entries: [Route: [String: Entry]] = Dictionary(
        uniqueKeysWithValues: Route.allCases.map { route in
            let pairs = table.filter { $0.routes.contains(route) }.flatMap { entry in entry.names.map { ($0, entry) } }
            return (route, Dictionary(uniqueKeysWithValues: pairs))
        })

    /// - Throws: 400 `unsupported_value` for the first field that asks `route` for something it does not do.
    static func refuse(_ request: FieldReader, on route: Route) throws(APIError) {
        guard let entries = entries[route] else { return }
        for (name, value) in request.members {
            guard let entry = entries[name], !value.isNull, !entry.neutral.holds(value, request) else { continue }
            var ways = ["leave it out"]
            if !entry.neutral.words.isEmpty { ways.append("send \(entry.neutral.words)") }
            if let hint = entry.hint { ways.append(hint) }
            throw .unsupported(
                request.path(name),
                "\(request.path(name)) is \(value.kind), which \(route.words) do not support; \(ways.joined(separator: ", or "))")
        }
    }
}

extension UnservedFields.Route {
    fileprivate var words: String {
        switch self {
        case .chat: "chats"
        case .completion: "completions"
        case .compare: "comparisons"
        case .features: "features"
        case .tokenize: "tokens"
        }
    }
}

extension UnservedFields.Neutral {
    fileprivate static let plainText = Self(words: #"{"type": "text"}"#) { value, _ in
        guard let format = value.object else { return false }
        return (format["type"] ?? .null) == .null && format.keys.allSatisfy { $0 == "type" } || format["type"] == "text"
    }

    fileprivate static let onlyText = Self(words: #"["text"]"#) { value, _ in
        value.array.map { $0.allSatisfy { $0 == "text" } } ?? false
    }

    fileprivate static let belowZero = Self(words: "-1") { value, _ in value.double.map { $0 < 0 } ?? false }

    /// How many calls there may be matters to those who offer tools.
    fileprivate static let withoutTools = Self(words: "true") { value, request in
        value == .bool(true) || value == .bool(false) && (request["tools"]?.array ?? []).isEmpty || request["tool_choice"] == "none"
    }

    /// How far back penalties look matters to those who ask for one.
    fileprivate static let withoutPenalties = Self(words: "-1") { value, request in
        guard let last = value.double else { return false }
        return last == -1
            || [("presence_penalty", 0.0), ("frequency_penalty", 0.0), ("repetition_penalty", 1.0), ("repeat_penalty", 1.0)]
                .allSatisfy { name, off in (request[name]?.double ?? off) == off }
    }

    fileprivate static let asManyAsChoices = Self(words: "as many as n") { value, request in
        value.int.map { $0 == request["n"]?.int ?? 1 } ?? false
    }

    fileprivate static let noAlternatives = Self(words: "") { value, _ in value.bool != nil || value.int == 0 }
}
