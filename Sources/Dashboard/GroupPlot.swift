import Evaluation

/// A measure of each group of rows as bars: the subject's, and beside it the incumbent's.
struct GroupPlot {
    private static let width = 520.0
    private static let height = 230.0
    private static let left = 40.0
    private static let bottom = 42.0
    private static let top = 12.0

    /// A series of bars.
    struct Series {
        let name: String
        let style: String
        /// A value for each group's name; a missing one has no bar.
        let values: [String: Double]
    }

    let label: String
    let groups: [String]
    let series: [Series]
    /// The axis ends here; nil ends it at the greatest value.
    var upper: Double?
    /// A line to hold the bars against.
    var target: Double?
    /// Whether values are shares of 1.
    var isPercent = false

    var drawing: Drawing? {
        let values = series.flatMap(\.values.values)
        guard let greatest = values.max(), !groups.isEmpty else { return nil }
        var drawing = Drawing(width: Self.width, height: Self.height, label: label)
        let y = Scale(
            0...(upper ?? (greatest > 0 ? 1.08 * greatest : 1)),
            ends: (Self.height - Self.bottom, Self.top))
        let ticks = y.ticks(4)
        for tick in ticks {
            drawing.line((Self.left, y.place(tick)), (Self.width, y.place(tick)), "grid")
            drawing.text(
                isPercent
                    ? Figure.percent(tick) : Figure.text(tick, decimals: y.decimals(ticks)),
                at: (Self.left - 6, y.place(tick) + 4), .end)
        }
        let slot = (Self.width - Self.left) / Double(groups.count)
        let bar = min(0.7 * slot / Double(max(series.count, 1)), 46)
        for (index, group) in groups.enumerated() {
            let center = Self.left + slot * (Double(index) + 0.5)
            drawing.text(group, at: (center, Self.height - Self.bottom + 18), .middle)
            for (place, one) in series.enumerated() {
                guard let value = one.values[group] else { continue }
                let start = center + bar * (Double(place) - Double(series.count) / 2)
                let shown = isPercent ? Figure.percent(value, decimals: 1) : Figure.text(value)
                drawing.rectangle(
                    x: start + 1, y: y.place(value), width: bar - 2,
                    height: y.ends.0 - y.place(value), one.style,
                    tip: "\(one.name), \(group): \(shown)")
            }
        }
        if let target {
            drawing.line((Self.left, y.place(target)), (Self.width, y.place(target)), "horizon")
        }
        return drawing
    }
}
