package import Evaluation
import ObjectStore
import Prognostics
import Registry
import StrictJSON

/// Decides which model is promoted, writes the decision down, and makes it current.
package struct PromoteStep {
    private let workspace: Workspace
    private let expectedTypes: [String]
    private let excludeFailed: Bool
    private let progress: ProgressReport

    /// Expected types whose run failed hold the promotion, unless `excludeFailed` leaves them out.
    package init(
        workspace: Workspace, expectedTypes: [String], excludeFailed: Bool = false,
        progress: ProgressReport
    ) {
        self.workspace = workspace
        self.expectedTypes = expectedTypes
        self.excludeFailed = excludeFailed
        self.progress = progress
    }

    /// Scores every candidate and the promoted bundle on the same rows, decides, and records it.
    package func run(nowMillis: Int64) throws -> PromotionDecision {
        let evaluation = EvaluateStep(
            workspace: workspace, expectedTypes: expectedTypes, excludeFailed: excludeFailed,
            progress: progress)
        let reports = try evaluation.nightly()
        let withdrawn = try workspace.registry.promotionHistory().withdrawn
        let candidates = try reports.filter { !withdrawn.contains($0.subject.version) }
            .map(contender)
        let withheld = reports.map(\.subject.version).filter(withdrawn.contains)
        guard !candidates.isEmpty || withheld.isEmpty else {
            throw BackofficeError.withdrawn(withheld)
        }
        let promoted = try promoted(among: reports)
        let gates = try judge(PromotionPolicy.winner(of: candidates), against: promoted)
        let decision = PromotionPolicy.decide(
            candidates: candidates, promoted: promoted, gates: gates)
        guard let configHash = reports.first?.subject.configHash,
            let decision = decision?.adding(
                try CandidateTypes(
                    expected: expectedTypes, excludeFailed: excludeFailed, configHash: configHash,
                    in: workspace.registry
                ).excluded
                    + withheld.map {
                        "Version \($0) was rolled back from, so it is no candidate."
                    })
        else { throw BackofficeError.noDataSet }
        let newest = reports.map(\.subject.version).max() ?? decision.candidate.version
        let record = PromotionRecord(
            timeMillis: nowMillis, decision: decision.kind, configHash: configHash,
            version: decision.candidate.version, score: decision.candidate.score,
            reasons: decision.reasons, gates: decision.gates)
        try workspace.registry.append(record, newestVersion: newest)
        try Self.writeCurrent(workspace)
        return decision
    }

    /// What every gate says about the best candidate; nothing when it is promoted already.
    private func judge(
        _ winner: Contender?, against promoted: PromotedBundle?
    ) throws -> [GateRecord] {
        var other: Int64?
        if case .scored(let contender)? = promoted { other = contender.version }
        guard let winner, winner.version != other else { return [] }
        progress.step("Judging version \(winner.version) by every gate")
        let gathering = GateGathering(workspace: workspace)
        return GateGathering.gates.judge(
            try gathering.evidence(winner.version),
            promoted: try other.map(gathering.evidence))
    }

    /// Writes `current.json` from the registry, which decides; a crash between them is mended here.
    static func writeCurrent(_ workspace: Workspace) throws {
        let promoted = try StoredBundle.promoted(in: workspace)
        let current: JSON = [
            "version": .integer(promoted.version),
            "run_id": .string(promoted.runID),
            "model_type": .string(promoted.run.modelType),
            "config_hash": .string(promoted.run.configHash),
            "bundle": .string("models/\(promoted.runID)/bundle.safetensors"),
            "bundle_digest": .string(promoted.digest.description),
            "bundle_bytes": .integer(promoted.bytes.count),
            "feature_spec": .string(promoted.featureSpec),
        ]
        try workspace.objects.put(
            current.bytes, bucket: .modelPromotion, key: ObjectKey("current.json"), replace: true)
    }

    /// The promoted bundle, scored on the same units; damage to it is a reason, not an error.
    private func promoted(among reports: [EvaluationReport]) throws -> PromotedBundle? {
        guard let version = try workspace.registry.promotedVersion() else { return nil }
        if let report = reports.first(where: { $0.subject.version == version }) {
            return .scored(try contender(report))
        }
        progress.step("Scoring the promoted version \(version) on the same units")
        let bundle: StoredBundle
        do {
            bundle = try StoredBundle.version(version, in: workspace)
        } catch let error where StoredBundle.isDamage(error) {
            progress.step("The promoted version \(version) cannot be read: \(error)")
            return .unreadable(version: version, reason: "\(error)")
        }
        return .scored(try contender(NightlyRows(workspace).report(bundle)))
    }

    private func contender(_ report: EvaluationReport) throws -> Contender {
        let run = try workspace.registry.run(report.subject.runID)
        return Contender(
            version: report.subject.version, runID: report.subject.runID,
            score: report.metrics.score, startTimeMillis: run?.startTimeMillis ?? 0)
    }
}

extension PromotionDecision {
    /// The candidate that was decided about.
    package var candidate: Contender {
        switch self {
        case .promote(let contender, _, _), .keep(let contender, _), .hold(let contender, _, _):
            contender
        }
    }

    /// Every reason, one sentence each.
    package var reasons: [String] {
        switch self {
        case .promote(_, let reasons, _), .keep(_, let reasons), .hold(_, let reasons, _): reasons
        }
    }

    /// What each gate said; empty for the promoted model itself.
    package var gates: [GateRecord] {
        switch self {
        case .promote(_, _, let gates), .hold(_, _, let gates): gates
        case .keep: []
        }
    }

    /// The same decision with further reasons.
    fileprivate func adding(_ more: [String]) -> Self {
        switch self {
        case .promote(let contender, let reasons, let gates):
            .promote(contender, reasons: reasons + more, gates: gates)
        case .keep(let contender, let reasons): .keep(contender, reasons: reasons + more)
        case .hold(let contender, let reasons, let gates):
            .hold(contender, reasons: reasons + more, gates: gates)
        }
    }

    /// The word for the history.
    fileprivate var kind: PromotionRecord.Decision {
        switch self {
        case .promote: .promoted
        case .keep: .kept
        case .hold: .held
        }
    }
}
