/// How one metric of a candidate is compared with the promoted bundle's on the same units.
///
/// Few units evaluate, so a difference alone is no reason to hold a candidate. A rule fails when
/// the candidate is worse by more than `margin` in nine of ten draws of units, the same units for
/// both, or when it is worse by more than `gross`, whatever the draws say.
struct GateRule: Sendable {
    /// What is allowed: a share of the promoted bundle's value, and an amount beside it.
    struct Allowance: Sendable {
        let share: Double
        let amount: Double

        init(share: Double = 0, amount: Double = 0) {
            self.share = share
            self.amount = amount
        }

        /// How much worse than `value` that is.
        func size(at value: Double) -> Double { share * abs(value) + amount }
    }

    /// The share of draws in which a candidate must be worse, to be called worse.
    static let confidence = 0.9
    /// Fewer units cannot say so: were it even, three would agree by chance once in eight times.
    static let unitCountMin = 4

    let gate: PromotionGate
    let metric: @Sendable (GateTally) -> Double?
    let margin: Allowance
    let gross: Allowance
    /// A value that is good enough, whatever the promoted bundle's is.
    var enough: Double?
    /// Whether a model that knows nothing stands in where no bundle is promoted.
    var hasReference = false

    /// Margins and their reasons are those of docs/decisions/0022.
    static let comparisons = [
        GateRule(
            gate: .phm08, metric: \.meanPenalty, margin: .init(share: 0.1, amount: 0.05),
            gross: .init(share: 1, amount: 0.5)),
        GateRule(
            gate: .f2, metric: \.f2, margin: .init(amount: 0.02),
            gross: .init(amount: 0.15), hasReference: true),
        GateRule(
            gate: .recallNearFailure, metric: \.recall,
            margin: .init(amount: 0.03), gross: .init(amount: 0.2)),
        GateRule(
            gate: .lateShare, metric: \.lateShare, margin: .init(amount: 0.03),
            gross: .init(amount: 0.15), enough: 0.1),
        GateRule(
            gate: .intervalScore, metric: \.all.meanScore, margin: .init(share: 0.1),
            gross: .init(share: 0.5)),
        GateRule(
            gate: .intervalScoreNearFailure, metric: \.nearFailure.meanScore,
            margin: .init(share: 0.1), gross: .init(share: 0.5)),
        GateRule(
            gate: .worstRegime, metric: \.worstRegimeRMSE, margin: .init(share: 0.1),
            gross: .init(share: 0.5), hasReference: true),
    ]

    /// Wider is worse, unless it is worth its width: ``PromotionGates`` asks the interval score.
    static let widths = [
        GateRule(
            gate: .width, metric: \.all.meanWidth, margin: .init(share: 0.25),
            gross: .init(share: 1)),
        GateRule(
            gate: .widthNearFailure, metric: \.nearFailure.meanWidth, margin: .init(share: 0.25),
            gross: .init(share: 1)),
    ]

    /// Coverage is what the interval promises, so it has a floor and is not compared.
    ///
    /// One bundle covers more than another by being wider. Below the floor, the promoted bundle's
    /// coverage is enough.
    static let coverages = [
        GateRule(
            gate: .coverage, metric: \.all.coverage, margin: .init(),
            gross: .init(amount: 0.15)),
        GateRule(
            gate: .coverageNearFailure, metric: \.nearFailure.coverage,
            margin: .init(), gross: .init(amount: 0.15)),
    ]
    /// The least coverage of an interval of 90 %: two standard deviations below, for what the
    /// eight calibrate units of a small fleet leave open.
    static let coverageFloor = 0.75
}

extension GateRule {
    /// How much worse one value is than another; below 0 it is better.
    private func loss(_ value: Double, _ other: Double) -> Double {
        gate.isLowerBetter ? value - other : other - value
    }

    /// A value that is worse by an amount.
    private func worse(_ value: Double, by amount: Double) -> Double {
        gate.isLowerBetter ? value + amount : value - amount
    }

    /// Compares a candidate with the bundle that stands against it, unit by unit.
    ///
    /// `isReference` says whether that bundle stands in for a promoted one.
    func judge(
        _ candidate: DrawnTally, against other: DrawnTally, isReference: Bool = false
    ) -> GateRecord {
        guard let value = metric(candidate.whole), let promoted = metric(other.whole) else {
            return record(notApplicable: "no row says anything about it", candidate)
        }
        let margin = margin.size(at: promoted)
        var limit = worse(promoted, by: margin)
        if let enough, loss(enough, limit) > 0 { limit = enough }
        let losses = candidate.draws.indices.compactMap { index -> Double? in
            guard let value = metric(candidate.draws[index]),
                let promoted = metric(other.draws[index])
            else { return nil }
            return loss(value, promoted)
        }
        let bound = bound(losses, candidate).map { worse(promoted, by: $0) }
        let isGross = loss(value, promoted) > gross.size(at: promoted)
        let origin =
            ", which follows from \(promoted.figure) of "
            + (isReference ? "a model that knows nothing" : "the promoted bundle")
        return GateRecord(
            gate: gate, value: value, promoted: isReference ? nil : promoted, limit: limit,
            bound: bound,
            outcome: outcome(value, limit: limit, bound: bound, isGross: isGross, origin: origin))
    }

    /// Judges a candidate by a limit of its own.
    func judge(
        _ candidate: DrawnTally, limit: Double, promoted: Double?
    ) -> GateRecord {
        guard let value = metric(candidate.whole) else {
            return record(notApplicable: "no row says anything about it", candidate)
        }
        let losses = candidate.draws.compactMap(metric).map { loss($0, limit) }
        let bound = bound(losses, candidate).map { worse(limit, by: $0) }
        let isGross = loss(value, limit) > gross.size(at: limit)
        return GateRecord(
            gate: gate, value: value, promoted: promoted, limit: limit, bound: bound,
            outcome: outcome(value, limit: limit, bound: bound, isGross: isGross, origin: ""))
    }

    /// What nine of ten draws of units lose at least; nil where units are too few to say so.
    private func bound(_ losses: [Double], _ candidate: DrawnTally) -> Double? {
        candidate.isEnough ? Self.quantile(losses, 1 - Self.confidence) : nil
    }

    private func outcome(
        _ value: Double, limit: Double, bound: Double?, isGross: Bool, origin: String
    ) -> GateRecord.Outcome {
        if loss(value, limit) <= 0 { return .passed }
        if isGross {
            return .failed("\(value.figure) is far beyond the limit of \(limit.figure)\(origin)")
        }
        guard let bound, loss(bound, limit) > 0 else { return .passed }
        return .failed(
            "\(value.figure) is beyond the limit of \(limit.figure)\(origin); in nine of ten draws "
                + "of units it is \(bound.figure) or worse")
    }

    /// A record of a gate that has nothing to judge.
    func record(
        notApplicable reason: String, _ candidate: DrawnTally, promoted: DrawnTally? = nil
    ) -> GateRecord {
        GateRecord(
            gate: gate, value: metric(candidate.whole),
            promoted: promoted.flatMap { metric($0.whole) }, limit: nil, bound: nil,
            outcome: .notApplicable(reason))
    }

    /// The value that as large a share of values lies below, linear between neighbours.
    private static func quantile(_ values: [Double], _ share: Double) -> Double? {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        let place = share * Double(sorted.count - 1)
        let below = Int(place)
        let above = min(below + 1, sorted.count - 1)
        return sorted[below] + (place - Double(below)) * (sorted[above] - sorted[below])
    }
}

/// The sums over a bundle's rows, as they are and as units are drawn.
struct DrawnTally {
    let whole: GateTally
    let draws: [GateTally]
    private let unitCount: Int

    /// Whether there are units enough to call a difference more than chance.
    var isEnough: Bool { unitCount >= GateRule.unitCountMin }

    /// - Precondition: There is a row.
    init(_ evidence: GateEvidence, regimes: [Int]) {
        let units = GateTally.units(
            evidence.rows, alarmThreshold: evidence.alarmThreshold, regimes: regimes)
        let nothing = GateTally(regimeCount: units.first?.regimeCount ?? 1)
        unitCount = units.count
        whole = units.reduce(into: nothing) { $0 += $1 }
        draws = UnitBootstrap.resample(units, nothing: nothing) { $0 += $1 }
    }
}

extension Double {
    /// Four digits behind the point, as reasons name a number, without Foundation's formatting.
    var figure: String { "\((self * 10_000).rounded() / 10_000)" }
}
