import Evaluation

extension NightPage {
    /// All candidates side by side.
    var candidates: Markup? {
        guard !report.candidates.isEmpty else { return nil }
        let head = [
            "candidate", "score", "RMSE", "MAE", "PHM08", "F2", "recall", "coverage", "width",
            "coverage ≤ 30", "late", "KB",
        ]
        let rows = report.candidates.map(row)
        let plot = CandidatePlot(
            candidates: report.candidates, subject: report.subject?.report.subject.version
        ).drawing
        var content = [
            Markup.element(
                "div", [("class", "scroll")],
                [
                    .element(
                        "table", [],
                        [.element("tr", [], head.map { .element("th", text: $0) })] + rows)
                ])
        ]
        content += report.failedRuns.map {
            .element("p", text: "\($0.modelType) is no candidate: \($0.reason)")
        }
        if let plot { content.append(plot.markup) }
        return section(
            "Candidates",
            "Best score first. Late: the share of predictions above the truth. Below, the RMSE "
                + "with its 95 % interval.",
            content)
    }

    private func row(_ candidate: NightReport.Candidate) -> Markup {
        let subject = candidate.report.subject
        let metrics = candidate.report.metrics
        let late = Double(candidate.rows.count { $0.error > 0 })
        let cells: [String] = [
            Figure.text(metrics.score), Figure.text(metrics.capped.rmse),
            Figure.text(metrics.capped.mae), Figure.text(metrics.capped.phm08, decimals: 0),
            Figure.text(metrics.failure.f2, decimals: 3),
            Figure.text(metrics.failure.recall, decimals: 3),
            Figure.percent(metrics.interval.coverage),
            Figure.text(metrics.interval.meanWidth, decimals: 1),
            Figure.percent(metrics.intervalNearFailure.coverage),
            Figure.percent(late / Double(max(candidate.rows.count, 1))),
            Figure.text(Double(subject.bundleBytes) / 1_024, decimals: 0),
        ]
        let mark = subject.version == report.promotedVersion ? ", in service" : ""
        let name = Markup.element(
            "td", [],
            [
                .text("\(subject.modelType) "),
                .element("small", text: "version \(subject.version)\(mark)"),
            ])
        return .element("tr", [], [name] + cells.map { .element("td", text: $0) })
    }

    /// Lives of the evaluate units.
    var trajectories: Markup? {
        guard let subject = report.subject else { return nil }
        let drawings = TrajectoryPlot.selection(subject).compactMap(\.drawing)
        guard !drawings.isEmpty else { return nil }
        let units = drawings.map {
            Markup.element("div", [("class", "unit")], [$0.markup])
        }
        return section(
            "Lives",
            "The two units that version \(subject.report.subject.version) predicts worst, two from "
                + "the middle, and the two it predicts best; RUL in cycles over the cycle.",
            [
                key([
                    ("border-color:var(--mark)", "predicted"),
                    ("background:var(--band);height:11px;border:0", "90 % interval"),
                    ("border-top:2px dashed var(--ink)", "truth, at most 125"),
                    ("border-top:2px dotted var(--warn)", "30 cycles"),
                    (
                        "background:var(--bad);width:9px;height:9px;border:0;border-radius:50%",
                        "first alarm"
                    ),
                ]),
                .element("div", [("class", "units")], units),
            ])
    }

    /// Errors and coverage by true RUL and regime.
    var errors: Markup? {
        guard let subject = report.subject else { return nil }
        var plots = [
            ("RMSE by true RUL", rmse(subject) { $0.byTrueRUL }),
            ("Coverage of the 90 % interval by true RUL", coverage(subject)),
        ]
        if subject.report.metrics.byRegime.count > 1 {
            plots.append(("RMSE by operating regime", rmse(subject) { $0.byRegime }))
        }
        var names = [("border-top:10px solid var(--mark)", name(subject))]
        if let incumbent = report.incumbent {
            names.append(("border-top:10px solid var(--other)", name(incumbent)))
        }
        return section(
            "Where it errs",
            "A model may be good on average and late near failure: look at the left bars first.",
            [
                key(names),
                .element(
                    "div", [("class", "pair")],
                    plots.compactMap { heading, plot in
                        plot.drawing.map {
                            .element(
                                "div", [], [.element("h3", text: heading), $0.markup])
                        }
                    }),
            ])
    }

    private func name(_ candidate: NightReport.Candidate) -> String {
        "\(candidate.report.subject.modelType), version \(candidate.report.subject.version)"
    }

    private func rmse(
        _ subject: NightReport.Candidate, _ groups: (EvaluationMetrics) -> [ErrorGroup]
    ) -> GroupPlot {
        GroupPlot(
            label: "RMSE by group", groups: groups(subject.report.metrics).map(\.name),
            series: series { candidate in
                groups(candidate.report.metrics).map { ($0.name, $0.rmse) }
            })
    }

    private func coverage(_ subject: NightReport.Candidate) -> GroupPlot {
        GroupPlot(
            label: "Coverage by true RUL",
            groups: subject.report.metrics.byTrueRUL.map(\.name),
            series: series { candidate in
                candidate.report.metrics.byTrueRUL.compactMap { group in
                    group.interval.coverage.map { (group.name, $0) }
                }
            }, upper: 1, target: 0.9, isPercent: true)
    }

    private func series(
        _ values: (NightReport.Candidate) -> [(String, Double)]
    ) -> [GroupPlot.Series] {
        zip([report.subject, report.incumbent], ["bar", "bar-other"]).compactMap { one, style in
            one.map { candidate in
                GroupPlot.Series(
                    name: name(candidate), style: style,
                    values: Dictionary(values(candidate)) { first, _ in first })
            }
        }
    }

    /// Predicted against observed failures.
    var calibration: Markup? {
        guard let subject = report.subject, !subject.rows.isEmpty else { return nil }
        let bins = CalibrationPlot.bins(subject.rows)
        let rows = bins.map { bin in
            Markup.element(
                "tr", [],
                [
                    Figure.percent(bin.meanProbability, decimals: 1),
                    Figure.percent(bin.failureShare, decimals: 1), Figure.count(bin.rowCount),
                ].map { .element("td", text: $0) })
        }
        let head = Markup.element(
            "tr", [], ["said", "happened", "rows"].map { .element("th", text: $0) })
        return section(
            "Is a probability a probability?",
            "Failure within 30 cycles: how often it was said, and how often it happened. Points on "
                + "the dashed line are honest; their size is the number of rows.",
            [
                .element(
                    "div", [("class", "pair")],
                    [
                        .element("div", [], [CalibrationPlot(rows: subject.rows).drawing.markup]),
                        .element("table", [], [head] + rows),
                    ])
            ])
    }

    /// What the night learned from.
    var data: Markup? {
        guard !report.roles.isEmpty else { return nil }
        let head = Markup.element(
            "tr", [], ["role", "units", "rows"].map { .element("th", text: $0) })
        let rows = report.roles.map { role in
            Markup.element(
                "tr", [],
                [role.role, Figure.count(role.units), Figure.count(role.rows)].map {
                    .element("td", text: $0)
                })
        }
        return section(
            "Data", "Units keep their role for good; no unit is in two of them.",
            [.element("table", [], [head] + rows)])
    }

    /// The last nights.
    var history: Markup? {
        guard let drawing = HistoryPlot(history: report.history).drawing else { return nil }
        return section(
            "Nights before",
            "The score of each night's candidate, 0.5·RMSE + 0.3·MAE + 0.2·MSE, lower is better. "
                + "Nights with other data are not strictly comparable.",
            [
                key(
                    [("good", "promoted"), ("other", "kept"), ("warn", "held")].map {
                        (
                            "background:var(--\($0));width:9px;height:9px;border:0;"
                                + "border-radius:50%", $1
                        )
                    }),
                drawing.markup,
            ])
    }
}
