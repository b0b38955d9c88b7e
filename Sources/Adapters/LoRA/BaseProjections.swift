/// The base model's projections as they are stored, for adapters whose meaning depends on them. May be read from several threads at once.
package protocol BaseProjections: Sendable {
    /// Whether the files are those that the model was loaded from. Others would be another model's.
    var areCurrent: Bool { get }
    /// Writes rows `rows` of the weight `[outputs, inputs]`, as f32, to `destination`.
    /// - Throws: `CheckpointError` when they cannot be read.
    func read(_ module: ProjectionModule, layer: Int, rows: Range<Int>, into destination: UnsafeMutablePointer<Float>) throws
    /// The bias `[outputs]`; nil where the projection has none.
    func bias(_ module: ProjectionModule, layer: Int) throws -> [Float]?
}
