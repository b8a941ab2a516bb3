/// The score of each night's candidate, oldest first, marked by what became of it.
struct HistoryPlot {
    private static let width = 600.0
    private static let height = 170.0
    private static let left = 44.0
    private static let bottom = 26.0
    /// Nights that are drawn; older ones are in the registry.
    private static let nightCountMax = 60

    let history: [NightReport.PastDecision]

    /// Nil with fewer than two nights.
    var drawing: Drawing? {
        let nights = history.suffix(Self.nightCountMax).filter(\.score.isFinite)
        guard nights.count > 1, let low = nights.map(\.score).min(),
            let high = nights.map(\.score).max()
        else { return nil }
        let margin = max(0.08 * (high - low), 0.1)
        let x = Scale(0...Double(nights.count - 1), ends: (Self.left + 10, Self.width - 14))
        let y = Scale(
            max(0, low - margin)...(high + margin), ends: (Self.height - Self.bottom, 10))
        var drawing = Drawing(
            width: Self.width, height: Self.height, label: "Score of the last nights' candidates")
        let ticks = y.ticks(3)
        for tick in ticks {
            drawing.line((Self.left, y.place(tick)), (Self.width, y.place(tick)), "grid")
            drawing.text(
                Figure.text(tick, decimals: y.decimals(ticks)),
                at: (Self.left - 6, y.place(tick) + 4),
                .end)
        }
        let points = nights.enumerated().map {
            (x.place(Double($0.offset)), y.place($0.element.score))
        }
        drawing.polyline(points, "other line")
        for (night, point) in zip(nights, points) {
            let isPromoted = night.verdict == .promoted
            drawing.circle(point, radius: isPromoted ? 5 : 3.5, "\(night.verdict.rawValue)-dot")
        }
        if let first = nights.first, let last = nights.last {
            drawing.text(first.time, at: (Self.left, Self.height - 6), .start)
            drawing.text(last.time, at: (Self.width, Self.height - 6), .end)
        }
        return drawing
    }
}
