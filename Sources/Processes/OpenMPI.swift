import Foundation

/// The few functions of Open MPI that a `ProcessGroup` needs, looked up when they are: nothing is linked, so `resa` is built and runs where there
/// is no MPI. Types and operations are, in Open MPI's C interface, the addresses of symbols of its library.
///
/// What fails inside ends all processes with MPI's own message, which is how MPI begins (MPI_ERRORS_ARE_FATAL): no result needs a look.
struct OpenMPI {
    private typealias Handle = UnsafeMutableRawPointer
    private typealias InitThread =
        @convention(c) (UnsafeMutableRawPointer?, UnsafeMutableRawPointer?, CInt, UnsafeMutablePointer<CInt>) -> CInt
    private typealias CommInteger = @convention(c) (Handle, UnsafeMutablePointer<CInt>) -> CInt
    private typealias Allreduce = @convention(c) (Handle?, Handle, CInt, Handle, Handle, Handle) -> CInt
    private typealias Bcast = @convention(c) (Handle, CInt, Handle, CInt, Handle) -> CInt
    private typealias Abort = @convention(c) (Handle, CInt) -> CInt
    private typealias Finalize = @convention(c) () -> CInt

    /// The same from Open MPI 3 to 5.
    static let library = "libmpi.so.40"
    private static let threadFunneled: CInt = 1
    /// MPI_IN_PLACE: what is sent stands where the result goes.
    private static var inPlace: Handle? { Handle(bitPattern: 1) }

    private let world, float, double, byte, addition: Handle
    private let callAllreduce: Allreduce
    private let callBcast: Bcast
    private let callAbort: Abort
    private let callFinalize: Finalize
    let rank: Int
    let count: Int

    /// Loads the library and joins the processes that were started together. Once a process.
    /// - Throws: `ProcessGroupError.notLoaded`.
    init() throws(ProcessGroupError) {
        // Its plug-ins look for its symbols.
        guard let handle = dlopen(Self.library, RTLD_NOW | RTLD_GLOBAL) else {
            throw .notLoaded(reason: dlerror().map { String(cString: $0) } ?? "unknown")
        }
        func symbol(_ name: String) throws(ProcessGroupError) -> Handle {
            guard let address = dlsym(handle, name) else { throw .notLoaded(reason: "\(Self.library) has no \(name)") }
            return address
        }
        world = try symbol("ompi_mpi_comm_world")
        float = try symbol("ompi_mpi_float")
        double = try symbol("ompi_mpi_double")
        byte = try symbol("ompi_mpi_byte")
        addition = try symbol("ompi_mpi_op_sum")
        callAllreduce = unsafeBitCast(try symbol("MPI_Allreduce"), to: Allreduce.self)
        callBcast = unsafeBitCast(try symbol("MPI_Bcast"), to: Bcast.self)
        callAbort = unsafeBitCast(try symbol("MPI_Abort"), to: Abort.self)
        callFinalize = unsafeBitCast(try symbol("MPI_Finalize"), to: Finalize.self)
        let initThread = unsafeBitCast(try symbol("MPI_Init_thread"), to: InitThread.self)
        let commRank = unsafeBitCast(try symbol("MPI_Comm_rank"), to: CommInteger.self)
        let commSize = unsafeBitCast(try symbol("MPI_Comm_size"), to: CommInteger.self)
        var (provided, rank, count): (CInt, CInt, CInt) = (0, 0, 0)
        _ = initThread(nil, nil, Self.threadFunneled, &provided)
        _ = commRank(world, &rank)
        _ = commSize(world, &count)
        (self.rank, self.count) = (Int(rank), Int(count))
    }

    func sum(_ values: UnsafeMutablePointer<Float>, count: Int) {
        Self.pieces(of: count) { start, count in _ = callAllreduce(Self.inPlace, values + start, count, float, addition, world) }
    }

    func sum(_ values: UnsafeMutablePointer<Double>, count: Int) {
        Self.pieces(of: count) { start, count in _ = callAllreduce(Self.inPlace, values + start, count, double, addition, world) }
    }

    func broadcast(_ bytes: UnsafeMutableRawBufferPointer, from root: Int) {
        guard let base = bytes.baseAddress else { return }
        Self.pieces(of: bytes.count) { start, count in _ = callBcast(base + start, count, byte, CInt(root), world) }
    }

    func leave() { _ = callFinalize() }

    func abort(status: Int32) { _ = callAbort(world, status) }

    /// MPI counts in 32 bits.
    private static func pieces(of count: Int, _ body: (_ start: Int, _ count: CInt) -> Void) {
        let piece = 1 << 28
        for start in stride(from: 0, to: count, by: piece) { body(start, CInt(min(piece, count - start))) }
    }
}
