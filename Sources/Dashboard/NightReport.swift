package import Evaluation
package import StrictJSON

/// Everything that the page of one night shows; it holds no clock, so equal nights are equal bytes.
package struct NightReport: Sendable {
    /// What the night decided.
    package struct Decision: Sendable {
        /// What became of the best candidate.
        package enum Verdict: String, Sendable {
            case promoted, kept, held
            /// Nothing was decided: types are missing, or no night was run yet.
            case undecided
        }

        package let verdict: Verdict
        /// The candidate's version; nil when nothing was decided.
        package let version: Int64?
        /// When it was decided, in words; nil when it was not.
        package let time: String?
        /// Every reason, one sentence each.
        package let reasons: [String]
        /// What each gate said about the candidate; empty where none was asked.
        package let gates: [GateRecord]

        package init(
            verdict: Verdict, version: Int64?, time: String?, reasons: [String],
            gates: [GateRecord] = []
        ) {
            self.verdict = verdict
            self.version = version
            self.time = time
            self.reasons = reasons
            self.gates = gates
        }
    }

    /// The units of one role.
    package struct RoleCount: Sendable {
        package let role: String
        package let units: Int
        package let rows: Int

        package init(role: String, units: Int, rows: Int) {
            self.role = role
            self.units = units
            self.rows = rows
        }
    }

    /// One bundle with what it predicted for the evaluate units.
    package struct Candidate: Sendable {
        package let report: EvaluationReport
        /// In the order of units and cycles.
        package let rows: [ScoredRow]

        package init(report: EvaluationReport, rows: [ScoredRow]) {
            self.report = report
            self.rows = rows
        }
    }

    /// A run that is no candidate, with the reason.
    package struct FailedRun: Sendable {
        package let modelType: String
        package let reason: String

        package init(modelType: String, reason: String) {
            self.modelType = modelType
            self.reason = reason
        }
    }

    /// One earlier decision, for the history.
    package struct PastDecision: Sendable {
        package let verdict: Decision.Verdict
        package let version: Int64
        /// `EvaluationMetrics.score` of its candidate, lower is better.
        package let score: Double
        package let time: String

        package init(verdict: Decision.Verdict, version: Int64, score: Double, time: String) {
            self.verdict = verdict
            self.version = version
            self.score = score
            self.time = time
        }
    }

    /// SHA-256 of data, roles and feature specification.
    package let configHash: String
    package let decision: Decision
    package let roles: [RoleCount]
    /// Tonight's bundles, and the promoted one when it is older, all on the same rows.
    package let candidates: [Candidate]
    /// The version in service after the night; nil before the first promotion.
    package let promotedVersion: Int64?
    package let failedRuns: [FailedRun]
    /// Oldest first.
    package let history: [PastDecision]
    /// What the fleet's readings looked like in the night; nil when nobody looked.
    package let drift: DriftReport?
    /// The fleet at the end of the night; nil when none was looked at.
    package var fleet: FleetReport?

    package init(
        configHash: String, decision: Decision, roles: [RoleCount], candidates: [Candidate],
        promotedVersion: Int64?, failedRuns: [FailedRun], history: [PastDecision],
        drift: DriftReport? = nil
    ) {
        self.drift = drift
        self.configHash = configHash
        self.decision = decision
        self.roles = roles
        self.candidates = candidates.sorted {
            $0.report.metrics.score < $1.report.metrics.score
        }
        self.promotedVersion = promotedVersion
        self.failedRuns = failedRuns
        self.history = history
    }

    /// The candidate that the page looks at closely: the one decided about, or the best.
    var subject: Candidate? {
        candidates.first { $0.report.subject.version == decision.version } ?? candidates.first
    }

    /// The model in service when it is another one than the subject.
    var incumbent: Candidate? {
        candidates.first {
            $0.report.subject.version == promotedVersion
                && $0.report.subject.version != subject?.report.subject.version
        }
    }

    /// The same as JSON, for programs.
    package var json: JSON {
        [
            "config_hash": .string(configHash),
            "decision": [
                "verdict": .string(decision.verdict.rawValue),
                "version": decision.version.map { .integer($0) } ?? .null,
                "time": decision.time.map { .string($0) } ?? .null,
                "reasons": .array(decision.reasons.map { .string($0) }),
                "gates": .array(decision.gates.map(\.json)),
            ],
            "promoted_version": promotedVersion.map { .integer($0) } ?? .null,
            "data": .array(
                roles.map {
                    [
                        "role": .string($0.role), "units": .integer($0.units),
                        "rows": .integer($0.rows),
                    ]
                }),
            "candidates": .array(candidates.map(\.report.json)),
            "fleet": fleet?.json ?? .null,
            "failed_runs": .array(
                failedRuns.map {
                    ["model_type": .string($0.modelType), "reason": .string($0.reason)]
                }),
            "history": .array(
                history.map {
                    [
                        "verdict": .string($0.verdict.rawValue), "version": .integer($0.version),
                        "score": $0.score.isFinite ? .double($0.score) : .null,
                        "time": .string($0.time),
                    ]
                }),
            "drift": drift?.json ?? .null,
        ]
    }
}
