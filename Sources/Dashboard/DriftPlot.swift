import Evaluation
import Prognostics

/// A heat map of drift: a row for each track, a column for each regime.
///
/// The colour is the distance from training, the frame says what is drifting; both are also in the
/// tip and, where something moved, in words.
struct DriftPlot {
    private static let left = 132.0
    private static let cellHeight = 20.0
    private static let top = 26.0
    /// Distances from which on a cell has the next shade, in training standard deviations.
    static let steps = [0.25, 0.5, 1, 2]

    let model: DriftReport.Model

    /// Tracks that have no other track's name in theirs: a sensor's repeats join its level.
    private var tracks: [String] {
        var seen: Set<String> = []
        return model.findings.map(\.track).filter {
            !$0.hasSuffix("_repeats") && seen.insert($0).inserted
        }
    }

    private var regimes: [String] {
        var seen: Set<String> = []
        return model.findings.map(\.regimeName).filter { seen.insert($0).inserted }
    }

    /// The level of a track in a regime, or its repeats where these are worse.
    private func finding(_ track: String, _ regime: String) -> DriftFinding? {
        let both = model.findings.filter {
            ($0.track == track || $0.track == "\(track)_repeats") && $0.regimeName == regime
        }
        return both.first { $0.verdict == .drifting } ?? both.first { $0.verdict == .watched }
            ?? both.first
    }

    var drawing: Drawing? {
        let (tracks, regimes) = (tracks, regimes)
        guard !tracks.isEmpty else { return nil }
        let cellWidth = min(150, 380 / Double(regimes.count))
        var drawing = Drawing(
            width: Self.left + cellWidth * Double(regimes.count) + 2,
            height: Self.top + Self.cellHeight * Double(tracks.count) + 2,
            label: "Distance from training by track and regime")
        for (column, regime) in regimes.enumerated() {
            drawing.text(
                regimes.count == 1 ? "all readings" : regime == "all" ? "all" : "regime \(regime)",
                at: (Self.left + cellWidth * (Double(column) + 0.5), Self.top - 9), .middle)
        }
        for (row, track) in tracks.enumerated() {
            let y = Self.top + Self.cellHeight * Double(row)
            drawing.text(
                Self.name(track), at: (Self.left - 8, y + 14), .end,
                isMoved(track, regimes) ? "name strong" : "name")
            for (column, regime) in regimes.enumerated() {
                guard let finding = finding(track, regime) else { continue }
                let x = Self.left + cellWidth * Double(column)
                draw(finding, x: x, y: y, width: cellWidth, in: &drawing)
            }
        }
        return drawing
    }

    /// A track's name as a person reads it: a sensor with its symbol.
    private static func name(_ track: String) -> String {
        if let number = Int(track.dropFirst()), let sensor = SensorChannel(rawValue: number) {
            return "\(track) \(sensor.symbol)"
        }
        return String(track.map { $0 == "_" ? " " : $0 })
    }

    private func isMoved(_ track: String, _ regimes: [String]) -> Bool {
        regimes.contains { finding(track, $0)?.verdict == .drifting }
    }

    private func draw(
        _ finding: DriftFinding, x: Double, y: Double, width: Double, in drawing: inout Drawing
    ) {
        let style = finding.figures.map { "heat-\(Self.shade($0))" } ?? "heat-none"
        let frame =
            switch finding.verdict {
            case .drifting: " heat-drifting"
            case .watched: " heat-watched"
            case .stable, .unknown: ""
            }
        drawing.rectangle(
            x: x + 1, y: y + 1, width: width - 2, height: Self.cellHeight - 2, style + frame,
            tip: finding.sentence)
        guard let figures = finding.figures else { return }
        let text =
            figures.strangerCount > 0 && finding.verdict != .stable
            ? "\(figures.strangerCount) strange" : Figure.text(figures.distance)
        drawing.text(
            text, at: (x + width / 2, y + 14), .middle,
            Self.shade(figures) >= 3 ? "heat-text light" : "heat-text")
    }

    /// How many of ``steps`` a distance reaches; readings where training has none reach all.
    static func shade(_ figures: DriftFigures) -> Int {
        let reached = steps.count { figures.distance >= $0 }
        return figures.strangerCount >= DriftPolicy().strangerCountMin ? steps.count : reached
    }
}

extension NightPage {
    /// What the fleet reads now against what the model was trained on.
    var drift: Markup? {
        guard let drift = report.drift else { return nil }
        let steps = DriftPlot.steps.enumerated().map { index, step in
            (
                "background:var(--heat-\(index + 1));height:11px;border:0;border-radius:2px",
                "from \(Figure.text(step, decimals: step < 1 ? 2 : 0))"
            )
        }
        var content: [Markup] = [
            key(
                [("background:var(--heat-0);height:11px;border:0;border-radius:2px", "below 0.25")]
                    + steps + [("height:11px;border:2px solid var(--ink)", "drifting")])
        ]
        for model in drift.models {
            let drifting = model.findings.filter { $0.verdict == .drifting }
            content.append(
                .element(
                    "h3",
                    text: "Run \(model.runID), \(Figure.count(model.readingCount)) readings of "
                        + "\(model.agents.count) agent\(model.agents.count == 1 ? "" : "s")"))
            if let drawing = DriftPlot(model: model).drawing { content.append(drawing.markup) }
            content.append(
                drifting.isEmpty
                    ? .element("p", text: "Nothing drifts.")
                    : .element(
                        "ul", [], drifting.map { .element("li", text: $0.sentence) }))
        }
        content += drift.notes.map { .element("p", [("class", "soft")], text: $0) }
        content += drift.quality.map(quality)
        return section(
            "Does the fleet still look like its training data?",
            "Distance (Wasserstein-1) of the newest readings from training engines of the same "
                + "ages, in training standard deviations; strange readings are where training has "
                + "none. Read at \(drift.time).",
            content)
    }

    private func quality(_ quality: LiveQuality) -> Markup {
        let head = ["regime", "rows", "RMSE", "promised", "bias", "coverage"]
        let rows = quality.groups.map { group in
            Markup.element(
                "tr", [],
                [
                    group.regime, Figure.count(group.rowCount), Figure.text(group.rmse),
                    group.promisedRMSE.map { Figure.text($0) } ?? "–", Figure.text(group.bias),
                    Figure.percent(group.coverage, decimals: 1),
                ].map { .element("td", text: $0) })
        }
        let verdict = quality.isWorse ? "worse than promised" : "as promised or too few to tell"
        return .element(
            "div", [("class", "scroll")],
            [
                .element(
                    "h3",
                    text:
                        "Run \(quality.runID) on \(quality.engineCount) engines that failed since: "
                        + verdict),
                .element(
                    "table", [],
                    [.element("tr", [], head.map { .element("th", text: $0) })] + rows),
            ])
    }
}
