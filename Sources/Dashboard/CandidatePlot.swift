import Evaluation

/// RMSE of each candidate as a dot on its 95 % interval, best first.
struct CandidatePlot {
    private static let rowHeight = 34.0
    private static let left = 110.0
    private static let right = 20.0
    private static let width = 600.0

    let candidates: [NightReport.Candidate]
    let subject: Int64?

    var drawing: Drawing? {
        let intervals = candidates.compactMap { $0.report.metrics.resampled.rmse }
        let points = candidates.map(\.report.metrics.capped.rmse)
        guard let low = (intervals.map(\.low) + points).min(),
            let high = (intervals.map(\.high) + points).max()
        else { return nil }
        let margin = max(0.05 * (high - low), 0.01)
        let scale = Scale(
            (max(0, low - margin))...(high + margin),
            ends: (Self.left, Self.width - Self.right))
        let plotHeight = Self.rowHeight * Double(candidates.count)
        var drawing = Drawing(
            width: Self.width, height: plotHeight + 40,
            label: "RMSE of each candidate with its 95 % interval")
        let ticks = scale.ticks(6)
        for tick in ticks {
            let x = scale.place(tick)
            drawing.line((x, 0), (x, plotHeight), "grid")
            drawing.text(
                Figure.text(tick, decimals: scale.decimals(ticks)), at: (x, plotHeight + 16),
                .middle)
        }
        drawing.text(
            "RMSE in cycles, truth capped at 125", at: (scale.ends.1, plotHeight + 34), .end)
        for (index, candidate) in candidates.enumerated() {
            add(candidate, at: Self.rowHeight * (Double(index) + 0.5), scale, &drawing)
        }
        return drawing
    }

    private func add(
        _ candidate: NightReport.Candidate, at y: Double, _ scale: Scale,
        _ drawing: inout Drawing
    ) {
        let report = candidate.report
        let isSubject = report.subject.version == subject
        let style = isSubject ? "mark" : "other"
        drawing.text(
            "\(report.subject.modelType) v\(report.subject.version)", at: (Self.left - 12, y + 4),
            .end, isSubject ? "name strong" : "name")
        if let interval = report.metrics.resampled.rmse {
            let ends = (scale.place(interval.low), scale.place(interval.high))
            drawing.line((ends.0, y), (ends.1, y), "\(style) whisker")
            for end in [ends.0, ends.1] {
                drawing.line((end, y - 5), (end, y + 5), "\(style) whisker")
            }
        }
        drawing.circle(
            (scale.place(report.metrics.capped.rmse), y), radius: 5.5, "\(style) dot")
    }
}
