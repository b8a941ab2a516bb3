/// Judges a candidate by every gate: against the promoted bundle on the same rows, and by limits of
/// its own.
///
/// Without a promoted bundle, or with one that cannot be read, the gates that compare do not apply,
/// save three in which a model that knows nothing stands in for it.
package struct PromotionGates: Equatable, Sendable {
    /// The greatest size of a bundle.
    package let bundleBytesMax: Int
    /// The greatest processor time of one prediction on this host, in microseconds.
    package let latencyMicrosMax: Double
    /// The greatest RMS difference that quantization may make, in cycles.
    ///
    /// A label counts whole cycles. Errors add up by their squares: 1 beside an RMSE of 10 cycles
    /// makes 10.05.
    package static let quantizationMax = 1.0

    package init(bundleBytesMax: Int, latencyMicrosMax: Double) {
        self.bundleBytesMax = bundleBytesMax
        self.latencyMicrosMax = latencyMicrosMax
    }

    /// One record for each gate, in their order.
    /// - Precondition: Both have the same rows of the same units in the same order, at least one.
    package func judge(
        _ candidate: GateEvidence, promoted: GateEvidence?
    ) -> [GateRecord] {
        let other = promoted ?? candidate.ofIgnorance
        precondition(
            candidate.rows.map(\.cycle) == other.rows.map(\.cycle)
                && candidate.rows.map(\.unit) == other.rows.map(\.unit),
            "both bundles score the same rows")
        // A bundle numbers regimes by its own centroids; one bundle's numbers serve for both.
        let numbers = (promoted ?? candidate).rows.map(\.regime)
        let ordered = Set(numbers).sorted()
        let index = Dictionary(uniqueKeysWithValues: zip(ordered, ordered.indices))
        let regimes = numbers.map { index[$0] ?? 0 }
        let drawn = DrawnTally(candidate, regimes: regimes)
        let against = DrawnTally(other, regimes: regimes)

        var records = [score(candidate, other, isReference: promoted == nil)]
        records += GateRule.comparisons.map { rule in
            if rule.gate == .worstRegime, ordered.count < 2 {
                return rule.record(
                    notApplicable: "there is one regime, which the score covers", drawn,
                    promoted: promoted == nil ? nil : against)
            }
            return compare(rule, drawn, against, hasPromoted: promoted != nil)
        }
        let scores =
            [records.first { $0.gate == .intervalScore }]
            + [records.first { $0.gate == .intervalScoreNearFailure }]
        records += zip(GateRule.widths, scores).map { rule, score in
            worthItsWidth(compare(rule, drawn, against, hasPromoted: promoted != nil), score)
        }
        records += GateRule.coverages.map { rule in
            let value = promoted == nil ? nil : rule.metric(against.whole)
            return rule.judge(
                drawn, limit: min(GateRule.coverageFloor, value ?? 1), promoted: value)
        }
        records += [
            quantization(candidate.quantization, promoted?.quantization),
            most(
                .bundleBytes, Double(candidate.bundleBytes),
                promoted.map { Double($0.bundleBytes) }, limit: Double(bundleBytesMax)),
            most(
                .latency, candidate.latencyMicros, promoted?.latencyMicros,
                limit: latencyMicrosMax),
        ]
        let byGate = Dictionary(uniqueKeysWithValues: records.map { ($0.gate, $0) })
        return PromotionGate.allCases.compactMap { byGate[$0] }
    }

    /// The score decides strictly, as it chose the candidate.
    private func score(
        _ candidate: GateEvidence, _ other: GateEvidence, isReference: Bool
    ) -> GateRecord {
        let (value, limit) = (candidate.score, other.score)
        let who = isReference ? "a model that knows nothing" : "the promoted bundle"
        return GateRecord(
            gate: .score, value: value, promoted: isReference ? nil : limit, limit: limit,
            bound: nil,
            outcome: value <= limit
                ? .passed : .failed("\(value.figure) is worse than \(limit.figure) of \(who)"))
    }

    private func compare(
        _ rule: GateRule, _ candidate: DrawnTally, _ other: DrawnTally, hasPromoted: Bool
    ) -> GateRecord {
        guard hasPromoted || rule.hasReference else {
            return rule.record(
                notApplicable: "there is no promoted bundle to compare with", candidate)
        }
        return rule.judge(candidate, against: other, isReference: !hasPromoted)
    }

    /// Passes an interval that is wide for a reason: its score says that the width is worth it.
    private func worthItsWidth(_ width: GateRecord, _ score: GateRecord?) -> GateRecord {
        guard width.isFailed, let value = score?.value, let promoted = score?.promoted,
            value <= promoted
        else { return width }
        return GateRecord(
            gate: width.gate, value: width.value, promoted: width.promoted, limit: width.limit,
            bound: width.bound,
            outcome: .notApplicable("the interval score is better, so the width is worth it"))
    }

    private func quantization(
        _ candidate: GateEvidence.Quantization, _ promoted: GateEvidence.Quantization?
    ) -> GateRecord {
        var other: Double?
        if case .measured(let rms)? = promoted { other = rms }
        switch candidate {
        case .measured(let rms):
            return most(.quantization, rms, other, limit: Self.quantizationMax)
        case .nothingQuantized:
            return GateRecord(
                gate: .quantization, value: nil, promoted: other, limit: Self.quantizationMax,
                bound: nil, outcome: .notApplicable("the model has nothing to quantize"))
        case .unknown(let reason):
            return GateRecord(
                gate: .quantization, value: nil, promoted: other, limit: Self.quantizationMax,
                bound: nil, outcome: .failed(reason))
        }
    }

    /// A value with a limit that nothing but itself is compared with.
    private func most(
        _ gate: PromotionGate, _ value: Double, _ promoted: Double?, limit: Double
    ) -> GateRecord {
        GateRecord(
            gate: gate, value: value, promoted: promoted, limit: limit, bound: nil,
            outcome: value <= limit
                ? .passed : .failed("\(value.figure) is beyond the limit of \(limit.figure)"))
    }
}
