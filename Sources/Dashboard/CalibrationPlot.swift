import Evaluation
import Prognostics

/// Whether a failure probability of 0.7 means that seven in ten fail: predicted against observed.
struct CalibrationPlot {
    private static let size = 320.0
    private static let left = 44.0
    private static let bottom = 40.0
    private static let binCount = 10

    /// Rows whose predicted probability is alike.
    struct Bin {
        let rowCount: Int
        let meanProbability: Double
        let failureShare: Double
    }

    /// Ten bins of equal width; those without rows are left out.
    static func bins(_ rows: [ScoredRow]) -> [Bin] {
        let groups = Dictionary(grouping: rows) { row in
            min(Int(Double(row.prediction.failureProbability) * Double(binCount)), binCount - 1)
        }
        return groups.sorted { $0.key < $1.key }.map { _, rows in
            let count = Double(rows.count)
            let sum = rows.reduce(0) { $0 + Double($1.prediction.failureProbability) }
            return Bin(
                rowCount: rows.count, meanProbability: sum / count,
                failureShare: Double(rows.count { $0.isNearFailure }) / count)
        }
    }

    let rows: [ScoredRow]

    var drawing: Drawing {
        var drawing = Drawing(
            width: Self.size, height: Self.size,
            label: "Predicted probability of failure within 30 cycles against the observed share")
        let x = Scale(0...1, ends: (Self.left, Self.size - 22))
        let y = Scale(0...1, ends: (Self.size - Self.bottom, 12))
        for tick in [0, 0.25, 0.5, 0.75, 1] {
            drawing.line((x.ends.0, y.place(tick)), (x.ends.1, y.place(tick)), "grid")
            drawing.text(
                Figure.percent(tick), at: (x.ends.0 - 5, y.place(tick) + 4), .end)
            drawing.text(
                Figure.percent(tick), at: (x.place(tick), y.ends.0 + 16), .middle)
        }
        drawing.line((x.place(0), y.place(0)), (x.place(1), y.place(1)), "truth")
        let bins = Self.bins(rows)
        let most = Double(bins.map(\.rowCount).max() ?? 1)
        let points = bins.map { (x.place($0.meanProbability), y.place($0.failureShare)) }
        drawing.polyline(points, "prediction")
        for (bin, point) in zip(bins, points) {
            let area = (Double(bin.rowCount) / most).squareRoot()
            drawing.circle(point, radius: 2.5 + 5 * area, "mark dot")
        }
        drawing.text("predicted probability", at: (x.ends.1, Self.size - 4), .end)
        return drawing
    }
}
