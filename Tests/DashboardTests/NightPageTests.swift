import Dashboard
import Evaluation
import Foundation
import Prognostics
import StrictJSON
import TestSupport
import Testing

@Suite("Night report")
struct NightPageTests {
    /// Whole lives with predictions that are off by a unit's own share.
    static func rows(version: Int, units: Int = 9) throws -> [ScoredRow] {
        try (1...units).flatMap { unit in
            let life = 150 + 17 * unit
            return try (15...life).map { cycle in
                let truth = Double(life - cycle)
                let wave = Double((cycle * (7 + version) + unit * 31) % 23) - 11
                let share = 1 + 0.03 * Double(unit - 5 + version)
                let rul = min(max(min(truth, 125) * share + wave, 0), 125)
                return ScoredRow(
                    unit: try #require(UnitIdentifier("engine-\(unit)")),
                    cycle: try #require(CycleCount(Int32(cycle))), regime: cycle % 6,
                    prediction: Prediction(
                        rul: Float(rul), rulLow: Float(max(rul - 12, 0)),
                        rulHigh: Float(min(rul + 12, 125)),
                        failureProbability: Float((125 - rul) / 125), flags: []),
                    truth: truth)
            }
        }
    }

    static func candidate(version: Int, type: String) throws -> NightReport.Candidate {
        let rows = try rows(version: version)
        let report = EvaluationReport(
            subject: EvaluationReport.Subject(
                modelType: type, runID: "run\(version)", version: Int64(version),
                configHash: "c0ffee",
                bundleDigest: try #require(
                    Digest(hex: String(repeating: "ab", count: 32))),
                bundleBytes: 60_000 + version, alarmThreshold: 0.7),
            protocol: .nightly, rows: rows, lateStarters: [])
        return NightReport.Candidate(report: report, rows: rows)
    }

    static func night(
        _ verdict: NightReport.Decision.Verdict = .promoted, reasons: [String] = ["It is best."],
        promoted: Int64? = 2
    ) throws -> NightReport {
        NightReport(
            configHash: "c0ffee",
            decision: NightReport.Decision(
                verdict: verdict, version: 1, time: "2026-11-21T02:14:00Z", reasons: reasons),
            roles: [NightReport.RoleCount(role: "train", units: 70, rows: 12_345)],
            candidates: [
                try candidate(version: 2, type: "ensemble"), try candidate(version: 1, type: "gru"),
            ],
            promotedVersion: promoted,
            failedRuns: [NightReport.FailedRun(modelType: "lstm", reason: "Killed by signal 9.")],
            history: (1...70).map {
                NightReport.PastDecision(
                    verdict: $0 % 3 == 0 ? .promoted : .kept, version: $0,
                    score: 20 - Double($0) / 10, time: "night \($0)")
            }, drift: try drift())
    }

    /// A fleet of two regimes with one biased and one stuck sensor; engines failed since.
    static func drift() throws -> DriftReport {
        func finding(_ track: String, _ regime: Int?, _ place: Int) -> JSON {
            let isBiased = track == "s11"
            let isStuck = track == "s12_repeats" && regime != 0
            let distance = isBiased ? 1.7 : Double(place % 7) / 20
            return [
                "run_id": .string("run1"), "track": .string(track),
                "regime": regime.map { .integer($0) } ?? .null,
                "verdict": .string(
                    isBiased || isStuck ? "drifting" : place % 9 == 0 ? "watched" : "stable"),
                "moved": .integer(isBiased || isStuck ? 4 : 0), "windows": .integer(4),
                "figures": [
                    "readings": .integer(250), "engines": .double(50), "psi": .double(0.1),
                    "psi_allowed": .double(0.2), "distance": .double(distance),
                    "distance_allowed": .double(0.3), "shift": .double(-distance),
                    "strangers": .integer(isStuck ? 12 : 0), "moved": .bool(isBiased || isStuck),
                ],
            ]
        }
        let sensors = [2, 3, 4, 7, 8, 9, 11, 12, 13, 14, 15, 17, 20, 21]
        let tracks =
            sensors.map { "s\($0)" } + sensors.map { "s\($0)_repeats" }
            + ["health_index", "regime_distance", "rul", "interval_width", "failure_probability"]
        let findings = [0, 1, nil].flatMap { regime in
            tracks.enumerated().map { finding($0.element, regime, $0.offset) }
        }
        let group: JSON = [
            "regime": .string("all"), "rows": .integer(1_234), "rmse": .double(21.5),
            "bias": .double(9.25), "coverage": .double(0.612), "promised_rmse": .double(13.5),
        ]
        let report: JSON = [
            "time": .string("2026-11-21T02:20:00Z"), "drifting": .integer(5),
            "models": .array([
                [
                    "run_id": .string("run1"),
                    "agents": .array([.string("edge-1"), .string("edge-2")]),
                    "readings": .integer(4_096), "findings": .array(findings),
                ]
            ]),
            "quality": .array([
                [
                    "run_id": .string("run1"), "engines": .integer(7), "worse": .bool(true),
                    "groups": .array([group]),
                ]
            ]),
            "notes": .array([.string("Agent edge-3 sent nothing.")]),
        ]
        return try DriftReport(JSONReader(report))
    }

    @Test("The heat map frames what drifts, and says it in words beside the field's errors")
    func driftSection() throws {
        let html = NightPage(try Self.night()).html
        #expect(html.ranges(of: "heat-drifting\"").count == 5)
        #expect(html.contains("s11, regime 0: distance 1.70 and shift -1.70"))
        #expect(html.contains("12 readings where training has none"))
        #expect(html.contains("Run run1, 4,096 readings of 2 agents"))
        #expect(html.contains("worse than promised"))
        #expect(html.contains("Agent edge-3 sent nothing."))
        #expect(try Self.night().json["drift"] == Self.drift().json)
    }

    @Test(
        "A parser finds a whole page that asks for nothing, with NumPy's figures",
        .enabled(if: OraclePython.isPresent, "\(OraclePython.skipMessage)"))
    func page() throws {
        let night = try Self.night()
        var input = NightPage(night).html + "\u{1e}\n"
        for candidate in night.candidates {
            for row in candidate.rows {
                let said = row.prediction
                input += "\(candidate.report.subject.version) \(row.truth) \(said.rul) "
                input += "\(said.rulLow) \(said.rulHigh) \(said.failureProbability)\n"
            }
        }
        let wrong = try OraclePython.run(
            file: "Tests/DashboardTests/Oracles/page.py", input: Array(input.utf8))
        #expect(wrong == "\n")
    }

    @Test("Every gate has a line, the failed ones a reason, on the page and in its JSON")
    func gates() throws {
        let records = PromotionGate.allCases.map { gate in
            GateRecord(
                gate: gate, value: 0.5, promoted: 0.25, limit: 0.375, bound: gate == .f2 ? nil : 1,
                outcome: gate == .f2 ? .failed("0.5 < \(gate.rawValue)") : .passed)
        }
        let night = NightReport(
            configHash: "c0ffee",
            decision: NightReport.Decision(
                verdict: .held, version: 1, time: nil, reasons: [], gates: records),
            roles: [], candidates: [], promotedVersion: nil, failedRuns: [], history: [])
        let html = NightPage(night).html
        #expect(html.components(separatedBy: "<tr class=\"failed\">").count == 2)
        #expect(html.contains("F2, failed: 0.5 &lt; f2"))
        for gate in PromotionGate.allCases {
            let name = gate.name.replacing("<", with: "&lt;")
            #expect(html.contains("<td>\(name)</td>"), "\(gate)")
        }
        let json = try JSON.parse(night.json.bytes)
        guard case .array(let listed) = json["decision"]?["gates"] else {
            Issue.record("no gates in \(json)")
            return
        }
        #expect(listed.map { $0["gate"] } == PromotionGate.allCases.map { .string($0.rawValue) })
        #expect(listed.count { $0["outcome"] == .string("failed") } == 1)
        #expect(!NightPage(try Self.night()).html.contains("<h2>Gates</h2>"))
    }

    @Test("The same night gives the same bytes")
    func deterministic() throws {
        #expect(NightPage(try Self.night()).html == NightPage(try Self.night()).html)
    }

    @Test("What a reason says cannot become markup")
    func escaped() throws {
        let html = NightPage(
            try Self.night(reasons: ["</ul><script>alert('&\"')</script>"])
        ).html
        #expect(!html.contains("<script"))
        #expect(html.contains("&lt;/ul&gt;&lt;script&gt;alert('&amp;&quot;')&lt;/script&gt;"))
    }

    @Test(
        "The heading says what became of the candidate, and what is in service",
        arguments: [
            (NightReport.Decision.Verdict.promoted, "Version 1 is promoted"),
            (.kept, "Version 1 stays in service"), (.held, "Version 1 is held"),
            (.undecided, "Nothing was decided"),
        ])
    func verdicts(verdict: NightReport.Decision.Verdict, heading: String) throws {
        let html = NightPage(try Self.night(verdict)).html
        #expect(html.contains("<title>\(heading)</title>"))
        #expect(html.contains("class=\"verdict \(verdict.rawValue)\""))
        #expect(html.contains("In service: version 2."))
        #expect(html.contains("lstm is no candidate: Killed by signal 9."))
        #expect(NightPage(try Self.night(promoted: nil)).html.contains("No model is in service."))
    }

    @Test("A night without candidates, decision or history is a page, too")
    func empty() throws {
        let night = NightReport(
            configHash: "c0ffee",
            decision: NightReport.Decision(
                verdict: .undecided, version: nil, time: nil, reasons: ["lstm is missing."]),
            roles: [], candidates: [], promotedVersion: nil, failedRuns: [], history: [])
        let html = NightPage(night).html
        #expect(html.contains("lstm is missing."))
        #expect(!html.contains("<svg"))
    }

    @Test("The JSON holds the decision, every candidate's report and the history")
    func json() throws {
        let night = try Self.night(.held, reasons: ["Coverage 0.5, expected 0.8 or more."])
        let json = try JSON.parse(night.json.bytes)
        #expect(json["decision"]?["verdict"] == .string("held"))
        #expect(json["promoted_version"] == .integer(2))
        guard case .array(let candidates) = json["candidates"],
            case .array(let history) = json["history"]
        else {
            Issue.record("no lists in \(json)")
            return
        }
        #expect(candidates == night.candidates.map(\.report.json))
        #expect(history.count == 70)
    }

    @Test("Candidates stand in the order of their score")
    func order() throws {
        let scores = try Self.night().candidates.map(\.report.metrics.score)
        #expect(scores == scores.sorted())
    }
}
