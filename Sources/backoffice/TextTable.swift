import Foundation

/// Text in columns, as a terminal shows it.
enum TextTable {
    /// Rows in columns as wide as their widest cell.
    static func columns(_ rows: [[String]]) -> String {
        guard let first = rows.first else { return "" }
        let widths = first.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = zip(row, widths).map { cell, width in
                cell + String(repeating: " ", count: width - cell.count)
            }
            let line = cells.joined(separator: "  ")
            return String(line.reversed().drop { $0 == " " }.reversed())
        }.joined(separator: "\n")
    }

    /// A number with as many decimals, or a dash.
    static func figure(_ value: Double?, decimals: Int = 3) -> String {
        value.map { String(format: "%.\(decimals)f", $0) } ?? "-"
    }
}
