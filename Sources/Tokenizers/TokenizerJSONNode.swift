import Checkpoints
import JSONText

/// A value of `tokenizer.json` together with where it is, so that every error can say so.
struct TokenizerJSONNode {
    let value: JSON
    let path: String

    init(_ value: JSON?, at path: String) {
        self.value = value ?? .null
        self.path = path
    }

    /// The member of that name; null when absent.
    func child(_ key: String) -> TokenizerJSONNode {
        TokenizerJSONNode(value[key], at: path.isEmpty ? key : "\(path).\(key)")
    }

    func child(_ index: Int) -> TokenizerJSONNode { TokenizerJSONNode(value[index], at: "\(path)[\(index)]") }

    func refuse(wanted: String) -> TokenizerError { .malformed(path: path, got: value.kind, wanted: wanted) }

    /// `type`, which says what kind of part this is.
    var kind: String {
        get throws(TokenizerError) { try child("type").string }
    }

    /// Older files leave a model's `type` out.
    func requireKind(_ wanted: String, of supported: [String]) throws(TokenizerError) {
        let kind = try child("type").optionalString ?? wanted
        if kind != wanted { throw .unsupported(part: "\(path).type", got: kind, supported: supported) }
    }

    var string: String {
        get throws(TokenizerError) {
            guard let string = value.string else { throw refuse(wanted: "a string") }
            return string
        }
    }

    var integer: Int {
        get throws(TokenizerError) {
            guard let integer = value.int else { throw refuse(wanted: "an integer") }
            return integer
        }
    }

    var array: [JSON] {
        get throws(TokenizerError) {
            guard let array = value.array else { throw refuse(wanted: "an array") }
            return array
        }
    }

    var object: JSONObject {
        get throws(TokenizerError) {
            guard let object = value.object else { throw refuse(wanted: "an object") }
            return object
        }
    }

    /// Nil when absent or null.
    var optionalString: String? {
        get throws(TokenizerError) { value.isNull ? nil : try string }
    }

    var optionalBool: Bool? {
        get throws(TokenizerError) {
            if value.isNull { return nil }
            guard let bool = value.bool else { throw refuse(wanted: "true or false") }
            return bool
        }
    }
}
