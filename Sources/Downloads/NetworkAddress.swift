import Foundation

/// An IPv4 or IPv6 address, for telling public ones from all others.
struct NetworkAddress: Equatable, CustomStringConvertible {
    /// 4 or 16, in network order.
    let bytes: [UInt8]

    init(bytes: [UInt8]) { self.bytes = bytes }

    /// Nil for other families than IPv4 and IPv6.
    init?(_ address: UnsafePointer<sockaddr>, length: Int) {
        let raw = UnsafeRawPointer(address)
        switch Int32(address.pointee.sa_family) {
        case AF_INET:
            guard length >= MemoryLayout<sockaddr_in>.size else { return nil }
            let address = raw.loadUnaligned(as: sockaddr_in.self).sin_addr
            bytes = withUnsafeBytes(of: address) { Array($0) }
        case AF_INET6:
            guard length >= MemoryLayout<sockaddr_in6>.size else { return nil }
            let address = raw.loadUnaligned(as: sockaddr_in6.self).sin6_addr
            bytes = withUnsafeBytes(of: address) { Array($0) }
        default: return nil
        }
    }

    /// In the usual notation.
    init?(_ text: String) {
        var four = in_addr()
        var six = in6_addr()
        if inet_pton(AF_INET, text, &four) == 1 {
            bytes = withUnsafeBytes(of: four) { Array($0) }
        } else if inet_pton(AF_INET6, text, &six) == 1 {
            bytes = withUnsafeBytes(of: six) { Array($0) }
        } else {
            return nil
        }
    }

    var description: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(bytes.count == 4 ? AF_INET : AF_INET6, bytes, &text, socklen_t(text.count)) != nil else { return "?" }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Globally reachable unicast, by the special-purpose registries of IANA (RFC 6890 and its updates). An IPv6 address that carries an
    /// IPv4 one is judged by that.
    var isPublic: Bool { bytes.count == 4 ? isPublicFour : isPublicSix }

    private func isIn(_ prefix: [UInt8], bits: Int) -> Bool {
        for index in 0..<((bits + 7) / 8) {
            let mask = UInt8(truncatingIfNeeded: 0xff00 >> min(8, bits - index * 8))
            if (bytes[index] ^ prefix[index]) & mask != 0 { return false }
        }
        return true
    }

    private static let specialFour: [(prefix: [UInt8], bits: Int)] = [
        ([0], 8), ([10], 8), ([100, 64], 10), ([127], 8), ([169, 254], 16), ([172, 16], 12), ([192, 0, 0], 24), ([192, 0, 2], 24),
        ([192, 88, 99], 24), ([192, 168], 16), ([198, 18], 15), ([198, 51, 100], 24), ([203, 0, 113], 24), ([224], 4), ([240], 4),
    ]

    private var isPublicFour: Bool { !Self.specialFour.contains { isIn($0.prefix, bits: $0.bits) } }

    private static let specialSix: [(prefix: [UInt8], bits: Int)] = [
        ([0x20, 0x01, 0x00], 23), ([0x20, 0x01, 0x0d, 0xb8], 32), ([0x3f, 0xff, 0x00], 20),
    ]

    private var isPublicSix: Bool {
        let zeros = [UInt8](repeating: 0, count: 10)
        // Mapped (::ffff:a.b.c.d) and NAT64 (64:ff9b::a.b.c.d) end in the IPv4 address, 6to4 (2002:abcd:...) holds it behind the prefix.
        if isIn(zeros + [0xff, 0xff], bits: 96) || isIn([0x00, 0x64, 0xff, 0x9b] + [UInt8](repeating: 0, count: 8), bits: 96) {
            return NetworkAddress(bytes: Array(bytes[12...])).isPublic
        }
        if isIn([0x20, 0x02], bits: 16) { return NetworkAddress(bytes: Array(bytes[2..<6])).isPublic }
        return isIn([0x20], bits: 3) && !Self.specialSix.contains { isIn($0.prefix, bits: $0.bits) }
    }
}
