/// Every tensor of an architecture: what it is for, what it is called in a folder and in GGUF, its shape, its bias, and how it is stored.
/// Plans, readers, decoders, merging and the names of LoRAs follow from it.
package struct WeightTable: Sendable {
    /// A tensor, or one in every block.
    package struct Row: Sendable {
        /// Which biases a configuration decides.
        package enum Bias: Sendable { case never, always, ifQKV, ifOutput, ifMLP }

        /// How a folder's tensor holds the rows of several weights. GGUF always stacks them.
        package enum Sharing: Sendable {
            /// All of the first, then all of the second, ...
            case stacked
            /// By key-value head: its queries, its key, its value, then the next head's.
            case byHead
        }

        /// Several where one tensor holds them all.
        package let roles: [WeightRole]
        /// What stands before `.weight` and `.bias`, in blocks behind the prefix and the layer's number.
        package let name: String
        package let gguf: String
        package let outputs: [Width]
        /// Nil for vectors.
        package let inputs: Width?
        package var bias: Bias
        package var sharing = Sharing.stacked
        /// Stored in folders as `[inputs, outputs]` (GPT-2's Conv1D).
        package var isTransposed = false
        /// Folders store what is to be added to 1 (Gemma's norms). GGUF stores the sum.
        package var addsOne = false
        /// GGUF holds the rows of each head interleaved, for rotary pairs of neighbours.
        package var isInterleavedInGGUF = false

        /// A norm's weight, over the residual stream unless told.
        package static func norm(
            _ role: WeightRole, _ name: String, gguf: String, over width: Width = .hidden, bias: Bias = .never, addsOne: Bool = false
        ) -> Row {
            var row = Row(roles: [role], name: name, gguf: gguf, outputs: [width], inputs: nil, bias: bias)
            row.addsOne = addsOne
            return row
        }

        /// The matrix of one projection, or of several that share an input.
        package static func projection(
            _ modules: ProjectionModule..., name: String, gguf: String, bias: Bias = .never, sharing: Sharing = .stacked,
            isTransposed: Bool = false, isInterleavedInGGUF: Bool = false
        ) -> Row {
            precondition(Set(modules.map(\.inputs)).count == 1, "\(name): projections of different inputs in one tensor")
            var row = Row(
                roles: modules.map { .projection($0) }, name: name, gguf: gguf, outputs: modules.map(\.outputs), inputs: modules[0].inputs,
                bias: bias)
            (row.sharing, row.isTransposed, row.isInterleavedInGGUF) = (sharing, isTransposed, isInterleavedInGGUF)
            return row
        }

        /// One row of `[hidden]` for each token, or for each position.
        package static func embedding(_ role: WeightRole, _ name: String, gguf: String, bias: Bias = .never) -> Row {
            Row(
                roles: [role], name: name, gguf: gguf, outputs: [role == .positions ? .positions : .vocabulary], inputs: .hidden, bias: bias
            )
        }
    }

    /// What stands before a block's number in a folder, and in GGUF.
    package let blockPrefix: String
    package static let ggufBlockPrefix = "blk."
    /// What else the first part of folders' names, `root`, is called in some files: nothing in those written from the model without its head,
    /// something longer where a file holds more than the text model.
    package let rootSpellings: [String]
    /// In the order of the forward pass.
    package let rows: [Row]

    private let indices: [WeightRole: Int]

    package init(blockPrefix: String, rootSpellings: [String] = [], _ rows: [Row]) {
        (self.blockPrefix, self.rootSpellings, self.rows) = (blockPrefix, rootSpellings, rows)
        let places = rows.enumerated().flatMap { index, row in row.roles.map { ($0, index) } }
        indices = Dictionary(places) { role, _ in preconditionFailure("row \(role) has a role that another has") }
    }

    /// The row of `role`; nil where the architecture has none.
    package func row(_ role: WeightRole) -> Row? { indices[role].map { rows[$0] } }

    package func holds(_ role: WeightRole) -> Bool { indices[role] != nil }
}
