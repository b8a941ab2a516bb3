import Datasets
import Evaluation
import Prognostics
import StrictJSON
import TestSupport
import Testing

@Suite("Evaluation report")
struct EvaluationReportTests {
    static func report(_ rows: [ScoredRow], late: [ScoredRow] = []) throws -> EvaluationReport {
        EvaluationReport(
            subject: .init(
                modelType: "xgboost", runID: "0123456789abcdef", version: 1, configHash: "c",
                bundleDigest: try #require(Digest(hex: String(repeating: "0", count: 64))),
                bundleBytes: 5, alarmThreshold: 0.75),
            protocol: .nightly, rows: rows, lateStarters: late)
    }

    @Test("Bins of true RUL and regimes hold every row once, and their errors add up")
    func groups() throws {
        let metrics = try Self.report(Rows.lives(6, seed: 9)).metrics
        #expect(
            metrics.byTrueRUL.map(\.name)
                == ["0 to 30", "31 to 60", "61 to 90", "91 to 124", "125 or more"])
        #expect(metrics.byRegime.map(\.name) == ["0", "1", "2"])
        for groups in [metrics.byTrueRUL, metrics.byRegime] {
            #expect(groups.reduce(0) { $0 + $1.rowCount } == metrics.rowCount)
            let squares = groups.reduce(0) { $0 + $1.rmse * $1.rmse * Double($1.rowCount) }
            #expect(abs(squares / Double(metrics.rowCount) - metrics.capped.mse) < 1e-9)
        }
        #expect(metrics.byTrueRUL[0].interval == metrics.intervalNearFailure)
    }

    @Test("Alarms and horizons are only claimed for units that were seen to fail")
    func wholeLives() throws {
        let rows = try Rows.lives(3, seed: 9)
        let whole = try Self.report(rows)
        #expect(whole.metrics.alarms?.unitCount == 3)
        #expect(whole.metrics.prognostic != nil)
        let cut = try Self.report(rows.dropLast())
        #expect(cut.metrics.alarms == nil)
        #expect(cut.metrics.prognostic == nil)
        #expect(cut.lateStarters == nil)
    }

    @Test("The JSON names the difference to the best candidate, and none for the best itself")
    func json() throws {
        let rows = try Rows.lives(4, seed: 9)
        let worse = try rows.map {
            try Rows.row(
                unit: Int($0.unit.description) ?? 0, cycle: Int($0.cycle.cycles), truth: $0.truth,
                rul: 125)
        }
        let best = try Self.report(rows, late: rows)
        let other = try Self.report(worse)
        #expect(best.json(against: best) == best.json)
        #expect(other.json(against: best) != other.json)
        #expect(other.json(against: best).text.contains("\"minus_best\":{\"version\":1,\"rmse\":"))
        let difference = try #require(other.difference(to: best))
        #expect(difference.rmseInterval?.excludesZero == true)
        #expect(try Self.report(rows.dropLast()).difference(to: best) == nil)
    }

    @Test("A late start leaves out a unit's first cycles, and keeps at least 15 and the last")
    func lateStart() throws {
        let trajectories = FleetSimulator(
            try #require(FleetConfiguration(units: 12, seed: 5))
        ).training()
        let cut = MidLife.cut(trajectories)
        #expect(cut.map(\.unit) == trajectories.map(\.unit))
        for (whole, late) in zip(trajectories, cut) {
            #expect(late.snapshots[0].cycle.cycles > 1)
            #expect(late.snapshots.count >= EvaluationProtocol.firstSnapshot)
            #expect(late.snapshots[...] == whole.snapshots.suffix(late.snapshots.count))
        }
        #expect(Set(cut.map(\.snapshots.count)).count > 6, "starts differ")
        #expect(MidLife.cut(cut) == cut, "a unit that starts late by itself stays")
        let short = Trajectory(
            unit: cut[0].unit, snapshots: Array(trajectories[0].snapshots.prefix(15)),
            endsInFailure: false)
        #expect(MidLife.cut([short]).isEmpty)
    }

    @Test("Cut points are at most five rows of each unit, none of them its last")
    func cutPoints() throws {
        let rows = try Rows.lives(7, seed: 4)
        let cut = CutPoints.choose(rows, seed: 1)
        #expect(ScoredRow.byUnit(cut).map(\.count) == .init(repeating: 5, count: 7))
        #expect(cut.allSatisfy { $0.truth > 0 && rows.contains($0) })
        #expect(CutPoints.choose(rows, seed: 1) == cut)
        #expect(CutPoints.choose(rows, seed: 2) != cut)
        #expect(CutPoints.choose(Array(rows.suffix(3)), seed: 1).map(\.truth) == [2, 1])
    }

    @Test("Over folds 2, 4 and 9 the mean is 5 and the sample deviation the root of 13")
    func foldStatistic() {
        let statistic = FoldStatistic([2, 4, 9])
        #expect(statistic?.mean == 5)
        #expect(statistic?.deviation == 13.0.squareRoot())
        #expect(FoldStatistic([2, nil]) == nil)
        #expect(FoldStatistic([2])?.deviation == nil)
    }
}
