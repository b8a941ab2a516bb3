import Evaluation

/// The page of one night: a single HTML file that asks for nothing else.
package struct NightPage {
    let report: NightReport

    package init(_ report: NightReport) { self.report = report }

    /// The whole document.
    package var html: String {
        let head = Markup.element(
            "head", [],
            [
                .element("meta", [("charset", "utf-8")]),
                .element(
                    "meta",
                    [("name", "viewport"), ("content", "width=device-width,initial-scale=1")]),
                .element("title", text: title), .style(StyleSheet.css),
            ])
        let sections = [
            header, figures, gates, candidates, trajectories, errors, calibration, drift, data,
            fleet, rollout, history, footer,
        ]
        let body = Markup.element(
            "body", [], [.element("main", [], sections.compactMap { $0 })])
        return "<!doctype html>\n"
            + Markup.element("html", [("lang", "en")], [head, body]).html + "\n"
    }

    private var title: String {
        switch report.decision.verdict {
        case .promoted: "Version \(version) is promoted"
        case .kept: "Version \(version) stays in service"
        case .held: "Version \(version) is held"
        case .undecided: "Nothing was decided"
        }
    }

    private var version: String { report.decision.version.map { "\($0)" } ?? "–" }

    private var header: Markup? {
        let service =
            report.promotedVersion.map { "In service: version \($0)." }
            ?? "No model is in service."
        let time = report.decision.time.map { "Decided \($0). " } ?? ""
        return .element(
            "header", [],
            [
                .element("h1", text: "Night report"),
                .element("p", [("class", "soft")], text: time + service),
                .element(
                    "div", [("class", "verdict \(report.decision.verdict.rawValue)")],
                    [
                        .element("strong", text: title),
                        .element(
                            "ul", [], report.decision.reasons.map { .element("li", text: $0) }),
                    ]),
            ])
    }

    /// A section with its heading and a sentence on how to read it.
    func section(_ heading: String, _ reading: String, _ content: [Markup]) -> Markup {
        .element(
            "section", [],
            [
                .element("h2", text: heading),
                .element("p", [("class", "soft")], text: reading),
            ] + content)
    }

    /// What the lines and marks of the drawings below mean.
    func key(_ entries: [(style: String, name: String)]) -> Markup {
        .element(
            "div", [("class", "key")],
            entries.map { entry in
                .element(
                    "span", [], [.element("i", [("style", entry.style)]), .text(entry.name)])
            })
    }

    private var figures: Markup? {
        guard let metrics = report.subject?.report.metrics,
            let subject = report.subject?.report.subject
        else { return nil }
        let cards: [(String, String)] = [
            (Figure.text(metrics.capped.rmse), "RMSE, cycles \(range(metrics.resampled.rmse))"),
            (
                Figure.text(metrics.failure.f2, decimals: 3),
                "F2, failure within 30 cycles \(range(metrics.resampled.f2))"
            ),
            (
                Figure.percent(metrics.interval.coverage),
                "of truths inside the 90 % interval, "
                    + "\(Figure.text(metrics.interval.meanWidth, decimals: 0)) cycles wide"
            ),
            (
                Figure.percent(metrics.intervalNearFailure.coverage),
                "inside at RUL ≤ 30, "
                    + "\(Figure.text(metrics.intervalNearFailure.meanWidth, decimals: 0)) cycles "
                    + "wide"
            ),
            (Figure.kilobytes(subject.bundleBytes), "\(subject.modelType) bundle, as it ships"),
        ]
        return .element(
            "div", [("class", "cards")],
            cards.map { value, label in
                .element(
                    "div", [("class", "card")],
                    [.element("b", text: value), .element("span", text: label)])
            })
    }

    private func range(_ interval: BootstrapInterval?) -> String {
        guard let interval else { return "" }
        return "(95 %: \(Figure.text(interval.low)) to \(Figure.text(interval.high)))"
    }

    private var footer: Markup? {
        .element(
            "footer", [],
            [
                .text("Data, roles and feature specification: "),
                .element("code", text: report.configHash),
                .element(
                    "p",
                    text: "All figures are those of the bundles as they ship, decoded from their "
                        + "bytes and run by the device's own code on units that no other step has "
                        + "seen. Intervals of 95 % are drawn by whole units."),
            ])
    }
}
