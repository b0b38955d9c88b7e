import ArgumentParser
import Checkpoints
import Foundation
import Terminal
import Tokenizers

/// `resa tokenize`: text to token ids, or back.
struct Tokenize: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Turn text into token ids, or ids into text.",
        discussion: "Prints the ids on one line, separated by blanks. With --decode it prints the text and nothing else.")

    @OptionGroup var source: ModelOptions

    @Flag(help: "Read ids and print their text.")
    var decode = false

    @Flag(help: "Print a line per token: its id and its name in the vocabulary.")
    var pieces = false

    @Flag(help: "Leave out the tokens that the model puts around a text, such as the beginning of a sequence.")
    var noSpecialTokens = false

    @Argument(help: "The text, or with --decode the ids. (default: standard input)")
    var input: [String] = []

    func validate() throws {
        if decode && (pieces || noSpecialTokens) { throw ValidationError("--decode goes with neither --pieces nor --no-special-tokens") }
    }

    func run() throws {
        let tokenizer = try Tokenizer.open(try Checkpoint.open(path: source.model))
        if decode { return try printText(tokenizer) }
        let ids =
            try input.isEmpty
            ? tokenizer.encode(bytes: Console.input(), addSpecialTokens: !noSpecialTokens)
            : tokenizer.encode(input.joined(separator: " "), addSpecialTokens: !noSpecialTokens)
        if pieces {
            for id in ids { Console.printLine("\(id)\t\(tokenizer.piece(id))") }
        } else {
            Console.printLine(ids.map(String.init).joined(separator: " "))
        }
    }

    private func printText(_ tokenizer: Tokenizer) throws {
        let text = input.isEmpty ? String(decoding: try Console.input(), as: UTF8.self) : input.joined(separator: " ")
        Console.print(tokenizer.decode(try tokenizer.ids(in: text)))
    }
}
