import Evaluation

extension NightPage {
    /// What every gate said about the candidate.
    var gates: Markup? {
        let records = report.decision.gates
        guard !records.isEmpty else { return nil }
        let head = ["gate", "candidate", "in service", "limit", "9 of 10 draws", "outcome"]
        return section(
            "Gates",
            "A candidate that fails one is held. Where units are drawn, it fails when nine of ten "
                + "draws are beyond the limit, too, or when it is far beyond.",
            [
                .element(
                    "div", [("class", "scroll")],
                    [
                        .element(
                            "table", [],
                            [.element("tr", [], head.map { .element("th", text: $0) })]
                                + records.map(row))
                    ])
            ] + reasons(records))
    }

    private func row(_ record: GateRecord) -> Markup {
        let numbers = [record.value, record.promoted, record.limit, record.bound].map {
            Markup.element("td", text: Self.number($0, of: record.gate))
        }
        let mark = record.isFailed ? [("class", "failed")] : []
        let outcome = record.outcome.word + (record.isByChance ? ", may be chance" : "")
        return .element(
            "tr", mark,
            [.element("td", text: record.gate.name)] + numbers + [.element("td", text: outcome)])
    }

    /// Why gates failed or did not apply; those that passed have nothing to say.
    private func reasons(_ records: [GateRecord]) -> [Markup] {
        let sentences = records.filter { !$0.outcome.reason.isEmpty }.map { record in
            Markup.element(
                "li", text: "\(record.gate.name), \(record.outcome.word): \(record.outcome.reason)")
        }
        return sentences.isEmpty ? [] : [.element("ul", [("class", "soft")], sentences)]
    }

    /// A gate's number with the decimals that tell candidates apart.
    private static func number(_ value: Double?, of gate: PromotionGate) -> String {
        switch gate {
        case .bundleBytes, .latency: Figure.text(value, decimals: 0)
        case .f2, .recallNearFailure, .lateShare, .coverage, .coverageNearFailure, .quantization:
            Figure.text(value, decimals: 3)
        default: Figure.text(value)
        }
    }
}
