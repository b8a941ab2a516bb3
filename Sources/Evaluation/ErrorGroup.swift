import Prognostics

/// Errors of the rows that have something in common, with the truth capped at 125 cycles.
package struct ErrorGroup: Equatable, Sendable {
    /// What the rows have in common, as a report says it.
    package let name: String
    package let rowCount: Int
    /// Root of the mean square error.
    package let rmse: Double
    /// Mean absolute error.
    package let mae: Double
    /// Mean of predicted minus true: above 0 the model is late.
    package let bias: Double
    /// The interval on these rows.
    package let interval: IntervalMetrics

    /// - Precondition: There is a row.
    init(name: String, rows: [ScoredRow]) {
        precondition(!rows.isEmpty)
        let count = Double(rows.count)
        self.name = name
        rowCount = rows.count
        rmse = (rows.reduce(0) { $0 + $1.error * $1.error } / count).squareRoot()
        mae = rows.reduce(0) { $0 + $1.error.magnitude } / count
        bias = rows.reduce(0) { $0 + $1.error } / count
        interval = IntervalMetrics(rows)
    }

    /// Bins of true RUL: the least RUL of each.
    private static let bins: [(least: Double, name: String)] = [
        (0, "0 to 30"), (31, "31 to 60"), (61, "61 to 90"), (91, "91 to 124"),
        (125, "125 or more"),
    ]

    /// The rows by true RUL; bins without rows are left out.
    package static func byTrueRUL(_ rows: [ScoredRow]) -> [ErrorGroup] {
        bins.indices.compactMap { bin in
            let end = bin + 1 < bins.count ? bins[bin + 1].least : .infinity
            let inside = rows.filter { bins[bin].least <= $0.truth && $0.truth < end }
            return inside.isEmpty ? nil : ErrorGroup(name: bins[bin].name, rows: inside)
        }
    }

    /// The rows by where their units come from: recorded lives, or engines in the field.
    ///
    /// Units of the base data have numbers for names, as NASA's files do; those of the field are
    /// named after their fleet.
    package static func bySource(_ rows: [ScoredRow]) -> [ErrorGroup] {
        func isBase(_ row: ScoredRow) -> Bool {
            row.unit.description.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")) ~= $0 }
        }
        let sources = [
            ("base data", rows.filter(isBase)), ("field data", rows.filter { !isBase($0) }),
        ]
        return sources.filter { !$0.1.isEmpty }.map { ErrorGroup(name: $0.0, rows: $0.1) }
    }

    /// The rows by operating regime, numbered as the bundle's centroids are.
    package static func byRegime(_ rows: [ScoredRow]) -> [ErrorGroup] {
        Dictionary(grouping: rows, by: \.regime).sorted { $0.key < $1.key }.map { regime, rows in
            ErrorGroup(name: "\(regime)", rows: rows)
        }
    }
}
