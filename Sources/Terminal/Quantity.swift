import Foundation

/// Quantities as people read them.
package enum Quantity {
    /// In powers of 1000, as disks and bandwidths are sold.
    package static func bytes(_ count: Int) -> String {
        let units = ["B", "kB", "MB", "GB", "TB"]
        var value = Double(count)
        var unit = 0
        while value >= 1000, unit < units.count - 1 {
            value /= 1000
            unit += 1
        }
        return unit == 0 ? "\(count) B" : String(format: value < 10 ? "%.2f %@" : "%.1f %@", value, units[unit])
    }

    package static func count(_ number: Int) -> String {
        switch number {
        case 1_000_000_000...: String(format: "%.2f B", Double(number) / 1e9)
        case 1_000_000...: String(format: "%.1f M", Double(number) / 1e6)
        default: String(number)
        }
    }
}
