import Foundation

// The fuzzer's process. It fuzzes one reader, named by RESA_FUZZ_TARGET; arguments are libFuzzer's.

private let target: ReaderFuzzTarget = {
    let name = ProcessInfo.processInfo.environment["RESA_FUZZ_TARGET"] ?? ""
    guard let target = ReaderFuzzTarget(rawValue: name) else {
        let names = ReaderFuzzTarget.allCases.map(\.rawValue).joined(separator: ", ")
        FileHandle.standardError.write(Data("RESA_FUZZ_TARGET is \"\(name)\"; it names one of \(names)\n".utf8))
        exit(2)
    }
    return target
}()

/// Returns 0 for read and refused alike; only a crash, a hang or an AddressSanitizer report ends the process.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    do { try target.read(Array(UnsafeBufferPointer(start: start, count: count))) } catch {}
    return 0
}

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ callback: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// SwiftPM makes this the process's `main` (it renames the entry point of executables), in the place of libFuzzer's own.
@_cdecl("ReaderFuzzer_main")
public func readerFuzzerMain(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> CInt {
    var (count, arguments) = (count, arguments)
    return runDriver(&count, &arguments, fuzzOneInput)
}
