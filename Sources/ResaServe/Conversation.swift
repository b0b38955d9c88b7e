import Foundation
import JSONText
import Jinja

/// Messages read from a file, with the tools and variables that go with them.
struct Conversation {
    var messages: [Value]
    var tools: Value?
    var extra: [String: Value] = [:]

    init(messages: [Value]) { self.messages = messages }

    /// - Parameter file: JSON, either a list of messages or an object with `messages`; `-` is standard input.
    /// - Throws: `CommandError` naming the file.
    init(file: String) throws {
        let json: JSON
        do {
            json = try JSON(parsing: try InputFile.data(file), rules: .message)
        } catch let error as JSONError {
            throw CommandError("\(file): not valid JSON: \(error)")
        }
        switch Value(json) {
        case .array(let list): messages = list
        case .object(let members):
            guard case .array(let list)? = members["messages"] else { throw CommandError("\(file): 'messages' is missing or no list") }
            messages = list
            for (name, member) in members.pairs {
                switch name.text ?? "" {
                case "messages": break
                case "tools": tools = member.isNone ? nil : member
                case let name: extra[name] = member
                }
            }
        default: throw CommandError("\(file): got neither a list of messages nor an object with 'messages'")
        }
        for (number, message) in messages.enumerated() {
            guard case .object = message else { throw CommandError("\(file): message \(number) is no object") }
        }
    }
}

/// Files named on the command line.
enum InputFile {
    /// - Throws: `CommandError` naming the file and the reason.
    static func data(_ path: String) throws -> Data {
        if path == "-" { return try Console.input() }
        do {
            return try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw CommandError("\(path) cannot be read: \(String(cString: strerror(errno)))")
        }
    }

    static func text(_ path: String) throws -> String {
        guard let text = String(validating: try data(path), as: UTF8.self) else { throw CommandError("\(path) is not UTF-8 text") }
        return text
    }
}
