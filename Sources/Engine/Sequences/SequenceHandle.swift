import Adapters
import Tensors

/// A sequence as steps know it: the address of its `SequenceState`, whose properties are the handle's own. Steps walk over these without
/// counting a reference or allocating.
///
/// Valid for as long as the `Sequence` it comes from. Equal handles are the same sequence. Confined to the engine thread.
@dynamicMemberLookup
struct SequenceHandle: BitwiseCopyable, Equatable {
    private let state: UnsafeMutablePointer<SequenceState>

    init(_ state: borrowing Box<SequenceState>) { self.state = state.pointer }

    subscript<Value>(dynamicMember property: KeyPath<SequenceState, Value>) -> Value { state.pointee[keyPath: property] }

    subscript<Value>(dynamicMember property: WritableKeyPath<SequenceState, Value>) -> Value {
        get { state.pointee[keyPath: property] }
        nonmutating set { state.pointee[keyPath: property] = newValue }
    }
}

extension SequenceHandle {
    /// Tokens whose keys and values are still to be computed: 1 while decoding.
    var pending: Int { self.tokenCount - self.computed }
    /// One row a step from now on.
    var isDecoding: Bool { self.tokenCount - self.computed == 1 && self.computed >= self.promptLength }
    var generated: Int { self.tokenCount - self.promptLength }
    /// Tokens at the beginning whose rows nobody needs, so that their keys and values may come from the prefix cache.
    var reusableTokens: Int {
        if self.observesPrompt { return 0 }
        return self.wantsPromptLogprobs ? self.firstPromptOutput : self.tokenCount - 1
    }
    /// Whether something is asked of a position's row beside its keys and values.
    func wantsOutput(_ position: Int) -> Bool {
        position == self.tokenCount - 1 || (self.wantsPromptLogprobs && position >= self.firstPromptOutput)
    }
    /// The next step needs a block more than there is.
    var needsBlock: Bool { self.tokenCount > self.blockCount * KVBlock.tokens }

    func append(_ token: Int32) {
        self.tokens[self.tokenCount] = token
        noteThinking(self.tokenCount)
        self.tokenCount += 1
    }

    /// Draws the next token; see `Sampler.sample`.
    func sample(
        _ logits: UnsafeMutablePointer<Float>, count: Int, on tier: InstructionSet, workspace: Workspace
    ) -> Int32 {
        self.sampler.pointee.sample(logits, count: count, step: generated, on: tier, workspace: workspace)
    }

    /// Finds out whether a token stands inside `<think>`; called for each in order.
    func noteThinking(_ position: Int) {
        if let marks = self.insideThink { marks[position] = self.thinkTags.read(self.tokens[position], isOpen: &self.isThinking) }
    }

    func isInsideThink(_ position: Int) -> Bool { self.insideThink?[position] ?? false }

    /// Where the splices of a position's row are to be added: nowhere when they have been before, in a pass whose blocks were given up.
    func fits(at position: Int) -> UnsafeMutablePointer<SpliceFit>? { position < self.fitted ? nil : self.spliceFits }
}
