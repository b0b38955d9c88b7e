/// One value in owned memory, at an address that stays the same for as long as the box lives; deinitialised and freed on deinit.
///
/// For what steps reach by pointer without counting a reference. Public, because only what is public is inlined in other targets.
@frozen
public struct Box<Value: ~Copyable>: ~Copyable {
    /// Valid for as long as the box lives.
    public let pointer: UnsafeMutablePointer<Value>

    @inlinable
    public init(_ value: consuming Value) {
        pointer = .allocate(capacity: 1)
        pointer.initialize(to: value)
    }

    @inlinable
    deinit {
        pointer.deinitialize(count: 1)
        pointer.deallocate()
    }
}
