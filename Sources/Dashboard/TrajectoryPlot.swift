import Evaluation
import Prognostics

/// One unit's life: what was predicted in each cycle, with its interval, beside the truth.
struct TrajectoryPlot {
    private static let width = 340.0
    private static let height = 210.0
    private static let left = 34.0
    private static let bottom = 26.0
    private static let top = 22.0

    /// The rows of one unit, oldest first; at least two.
    let rows: [ScoredRow]
    let alarmThreshold: Double

    /// Root of the mean square error of these rows.
    var rmse: Double {
        (rows.reduce(0) { $0 + $1.error * $1.error } / Double(max(rows.count, 1))).squareRoot()
    }

    /// Up to six of the units: the two worst, two from the middle, the two best.
    static func selection(_ candidate: NightReport.Candidate) -> [TrajectoryPlot] {
        let threshold = candidate.report.subject.alarmThreshold
        let plots = ScoredRow.byUnit(candidate.rows).filter { $0.count > 1 }
            .map { TrajectoryPlot(rows: Array($0), alarmThreshold: threshold) }
            .sorted { $0.rmse > $1.rmse }
        guard plots.count > 6 else { return plots }
        let middle = plots.count / 2
        return [0, 1, middle - 1, middle, plots.count - 2, plots.count - 1].map { plots[$0] }
    }

    var drawing: Drawing? {
        guard let first = rows.first, let last = rows.last else { return nil }
        let cap = Double(Prediction.cap)
        let x = Scale(
            Double(first.cycle.cycles)...Double(last.cycle.cycles),
            ends: (Self.left, Self.width - 8))
        let y = Scale(0...(cap + 10), ends: (Self.height - Self.bottom, Self.top))
        var drawing = Drawing(
            width: Self.width, height: Self.height,
            label: "Unit \(first.unit): predicted and true remaining useful life by cycle")
        drawing.text("unit \(first.unit)", at: (Self.left, 13), .start, "name strong")
        drawing.text(
            "RMSE \(Figure.text(rmse, decimals: 1))", at: (Self.width - 8, 13), .end, "tick")
        addAxes(x, y, &drawing)
        func point(_ row: ScoredRow, _ value: Double) -> (Double, Double) {
            (x.place(Double(row.cycle.cycles)), y.place(value))
        }
        let high = rows.map { point($0, Double($0.prediction.rulHigh)) }
        let low = rows.map { point($0, Double($0.prediction.rulLow)) }
        drawing.polygon(high + low.reversed(), "band")
        drawing.polyline(rows.map { point($0, $0.cappedTruth) }, "truth")
        drawing.polyline(rows.map { point($0, Double($0.prediction.rul)) }, "prediction")
        if let alarm = rows.first(where: {
            Double($0.prediction.failureProbability) >= alarmThreshold
        }) {
            let foot = (x.place(Double(alarm.cycle.cycles)), y.ends.0)
            drawing.line(foot, (foot.0, y.place(Double(alarm.prediction.rul))), "alarm")
            drawing.circle(point(alarm, Double(alarm.prediction.rul)), radius: 3.5, "alarm-dot")
        }
        return drawing
    }

    private func addAxes(_ x: Scale, _ y: Scale, _ drawing: inout Drawing) {
        for tick in [0.0, 50, 100] {
            drawing.line((x.ends.0, y.place(tick)), (x.ends.1, y.place(tick)), "grid")
            drawing.text(
                Figure.text(tick, decimals: 0), at: (x.ends.0 - 6, y.place(tick) + 4), .end)
        }
        let horizon = y.place(FailureMetrics.horizonCycles)
        drawing.line((x.ends.0, horizon), (x.ends.1, horizon), "horizon")
        let ticks = x.ticks(4)
        for tick in ticks {
            drawing.text(
                Figure.text(tick, decimals: x.decimals(ticks)),
                at: (x.place(tick), Self.height - 8), .middle)
        }
    }
}
