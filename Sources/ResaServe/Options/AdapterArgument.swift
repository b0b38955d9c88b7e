import AdapterRegistry
import ArgumentParser

/// What an `--adapter` option names, written as in the header `Resa-Adapters`: `r1-sae;layer=12;latent=4637;op=add;value=6`, several with commas
/// between them.
enum AdapterArgument {
    /// What a wrong argument is told; ArgumentParser shows it as the option's help.
    static let form =
        "NAME[;scale=X][;layer=N][;at=resid|mlp][;mode=observe|splice|edit][;latent=N;op=set|add|scale|ablate|clamp;value=X][;scope=prompt|generated|think][;from=N][;to=N][;when=LATENT;above=X][;top=N][, NAME...]"

    /// - Parameters:
    ///   - texts: those of an option that was repeated say what one with commas between them would.
    ///   - option: with what errors begin.
    /// - Throws: `ValidationError` naming the parameter at fault.
    static func parse(_ texts: [String], option: String = "--adapter") throws -> [AdapterSelection] {
        var list = SelectionList()
        for text in texts {
            do { try list.add(text: text) } catch { throw ValidationError("\(option) '\(text)': \(error)") }
        }
        return list.selections
    }
}
