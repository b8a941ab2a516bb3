import Foundation

/// Numbers as the page shows them.
enum Figure {
    /// A number with as many decimals; a dash when it is undefined.
    static func text(_ value: Double?, decimals: Int = 2) -> String {
        guard let value, value.isFinite else { return "–" }
        let text = String(format: "%.\(decimals)f", value)
        guard text.hasPrefix("-") else { return text }
        // The sign of a figure is a minus, not a hyphen; what rounds to zero has none.
        let digits = text.dropFirst()
        return digits.contains { ("1"..."9").contains($0) } ? "−\(digits)" : String(digits)
    }

    /// A share of 1 in percent.
    static func percent(_ share: Double?, decimals: Int = 0) -> String {
        guard let share else { return "–" }
        return "\(text(100 * share, decimals: decimals)) %"
    }

    /// A size in KB of 1,024 bytes.
    static func kilobytes(_ bytes: Int) -> String {
        "\(text(Double(bytes) / 1_024, decimals: 0)) KB"
    }

    /// A count with its thousands apart.
    static func count(_ count: Int) -> String {
        var groups: [Substring] = []
        var digits = Substring(String(count))
        while digits.count > 3 {
            groups.insert(digits.suffix(3), at: 0)
            digits = digits.dropLast(3)
        }
        return ([digits] + groups).joined(separator: ",")
    }

    /// A coordinate or length within a drawing.
    static func coordinate(_ value: Double) -> String { String(format: "%.1f", value) }
}
