import BackofficePipeline
import Datasets
import EdgeProtocol
import ObjectStore
import Parquet
import Prognostics
import Registry
import StrictJSON
import TestSupport
import Testing

@Suite("Field data in a training set")
struct FieldDataTests {
    let folder: TemporaryFolder
    let workspace: Workspace
    /// Lives that are in no base data.
    let lives: [Trajectory]

    init() throws {
        folder = try SmallNight.copy()
        workspace = try SmallNight.open(folder)
        lives = FleetSimulator(try #require(FleetConfiguration(units: 4, seed: 99))).training()
    }

    func preprocess() throws -> PreprocessStep.Report {
        try PreprocessStep.run(
            SmallNight.request(folder), workspace: workspace, progress: .silent)
    }

    /// The columns of the data set that are about a unit.
    struct Rows {
        let installations: [Int32]
        let roles: [String]
        let cycles: [Int32]
        let ruls: [Int32?]
        let serviced: [Bool]
    }

    func rows(of unit: String) throws -> Rows {
        let newest = try #require(try workspace.registry.newestDataSet())
        let table = try ParquetTable(
            decoding: workspace.objects.get(
                bucket: .processedData, key: ObjectKey(newest.objectKey)))
        let units = try table.column("unit").strings()
        let own = units.indices.filter { units[$0] == unit }
        func pick<Value>(_ values: [Value]) -> [Value] { own.map { values[$0] } }
        return Rows(
            installations: pick(try table.column("installation").int32s()),
            roles: pick(try table.column("role").strings()),
            cycles: pick(try table.column("cycle").int32s()),
            ruls: pick(try table.column("rul").optionalInt32s()),
            serviced: pick(try table.column("serviced").booleans()))
    }

    @Test("A life that ended in failure is in the data set, and no other is, each for its reason")
    func labels() throws {
        var log = FieldLog()
        // Unit 1 of the base data is another engine than unit 1 of the fleet.
        for (unit, life) in zip(["1", "2", "3"], lives) { try log.fly(unit, life.snapshots) }
        try log.fly("4", lives[3].snapshots.prefix(29))
        let last = lives.map(\.lastCycle.cycles)
        try log.event(.failed, of: "1", after: last[0])
        try log.event(.removed, of: "2", after: last[1])
        try log.event(.failed, of: "4", after: 29)
        try log.store(in: workspace)
        let claim = try preprocess()
        #expect(claim.validation.field.units == 4)
        #expect(claim.validation.field.unitsUsed == 1)
        #expect(claim.validation.field.rowsUsed == lives[0].snapshots.count)
        #expect(claim.validation.count(.removed) == 1)
        #expect(claim.validation.count(.stillFlying) == 1)
        #expect(claim.validation.count(.tooShort) == 1)
        let rows = try rows(of: "f.1")
        #expect(rows.cycles == Array(1...last[0]))
        #expect(rows.ruls == (1...last[0]).map { last[0] - $0 })
        for unit in ["f.2", "f.3", "f.4"] { #expect(try self.rows(of: unit).cycles.isEmpty) }
        let base = try DatasetFolder(folder.path("data")).train(subset: "SIM")[0]
        #expect(try self.rows(of: "1").cycles.count == base.snapshots.count)
    }

    @Test("Whose engine flies on changes nothing; whose failure becomes known changes the hash")
    func configHash() throws {
        let none = try preprocess()
        var log = FieldLog()
        try log.fly("1", lives[0].snapshots.dropLast())
        try log.store(in: workspace)
        let flying = try preprocess()
        #expect(flying.isUnchanged && flying.configHash == none.configHash)
        try log.fly("1", lives[0].snapshots.suffix(1))
        try log.event(.failed, of: "1", after: lives[0].lastCycle.cycles)
        try log.store(in: workspace)
        let failed = try preprocess()
        #expect(!failed.isUnchanged && failed.configHash != none.configHash)
        #expect(try preprocess().isUnchanged)
    }

    @Test("A role is the hash's alone: the field changes no unit's, and keeps its own")
    func roles() throws {
        var log = FieldLog()
        for (unit, life) in zip(["1", "2"], lives) {
            try log.fly(unit, life.snapshots)
            try log.event(.failed, of: unit, after: life.lastCycle.cycles)
        }
        try log.store(in: workspace)
        _ = try preprocess()
        let roles = UnitRoles(seed: 1, scheme: .nightly)
        for unit in ["f.1", "f.2", "1", "2", "40"] {
            let role = roles.role(of: try #require(UnitIdentifier(unit)))
            #expect(Set(try rows(of: unit).roles) == [role.rawValue])
        }
    }

    @Test("What two stores record of one engine is one life, each reading in it once")
    func twoStores() throws {
        let life = lives[0].snapshots
        var first = FieldLog(storeID: "store-1")
        try first.fly("1", life.prefix(100))
        // Salvaged under a new name; then the engine flew on and failed.
        var second = FieldLog(storeID: "store-2")
        try second.fly("1", life.dropFirst(60))
        try second.event(.failed, of: "1", after: lives[0].lastCycle.cycles)
        try first.store(in: workspace)
        try second.store(in: workspace)
        let report = try preprocess().validation
        #expect(report.field.units == 1)
        #expect(report.count(.known) == 40)
        #expect(try rows(of: "f.1").cycles == life.map(\.cycle.cycles))
    }

    @Test("A store that counts engines anew is matched by its readings, not by its numbers")
    func numberedAnew() throws {
        var first = FieldLog(storeID: "store-1")
        try first.fly("1", lives[0].snapshots)
        try first.event(.failed, of: "1", after: lives[0].lastCycle.cycles)
        try first.fly("1", lives[1].snapshots.prefix(80), installation: 2)
        var second = FieldLog(storeID: "store-2")
        try second.fly("1", lives[1].snapshots.dropFirst(70))
        try second.event(.failed, of: "1", after: lives[1].lastCycle.cycles)
        try first.store(in: workspace)
        try second.store(in: workspace)
        #expect(try preprocess().validation.field.unitsUsed == 2)
        let rows = try rows(of: "f.1")
        #expect(
            rows.installations
                == lives[0].snapshots.map { _ in 1 } + lives[1].snapshots.map { _ in 2 })
        #expect(
            rows.cycles == (lives[0].snapshots + lives[1].snapshots).map(\.cycle.cycles))
    }

    @Test("A value that two agents report differently is in no data set; the others of both are")
    func conflict() throws {
        let life = lives[0].snapshots
        var first = FieldLog(agent: "edge-1")
        try first.fly("1", life)
        try first.event(.failed, of: "1", after: lives[0].lastCycle.cycles)
        var second = FieldLog(agent: "edge-2")
        try second.fly("1", life.map { $0.cycle.cycles == 50 ? $0.changing(4, to: 650) : $0 })
        try first.store(in: workspace)
        try second.store(in: workspace)
        let report = try preprocess().validation
        #expect(report.count(.conflict) == 1)
        #expect(report.count(.gap) == 1)
        #expect(try rows(of: "f.1").cycles == life.map(\.cycle.cycles).filter { $0 != 50 })
    }

    @Test("A store that contradicts a longer one about an installation is left out whole")
    func otherEngine() throws {
        var first = FieldLog(agent: "edge-1")
        try first.fly("1", lives[0].snapshots)
        try first.event(.failed, of: "1", after: lives[0].lastCycle.cycles)
        var second = FieldLog(agent: "edge-2")
        try second.fly("1", lives[1].snapshots.prefix(50))
        try second.event(.failed, of: "1", after: 50)
        try first.store(in: workspace)
        try second.store(in: workspace)
        #expect(try preprocess().validation.count(.otherEngine) == 1)
        #expect(try rows(of: "f.1").cycles == lives[0].snapshots.map(\.cycle.cycles))
    }

    @Test("Late, refused, forged, impossible and belated rows never train, and are counted")
    func neverRows() throws {
        let life = lives[0].snapshots
        let failure = lives[0].lastCycle.cycles - 20
        var log = FieldLog()
        log.quarantine()
        try log.fly("1", life.prefix(10))
        try log.fly("1", [life[10].changing(9, to: -999)])
        try log.fly("1", [life[11]], forgedHash: true)
        try log.fly("1", life.dropFirst(12))
        try log.fly("1", [life[10]], outcome: .late)
        // The word came after another engine had flown on under the same identifier.
        try log.event(.failed, of: "1", after: failure)
        try log.store(in: workspace)
        let report = try preprocess().validation
        let expected: [(ValidationReason, Int)] = [
            (.quarantined, 1), (.outOfRange, 1), (.hashMismatch, 1), (.late, 1), (.afterEnd, 20),
        ]
        for (reason, count) in expected { #expect(report.count(reason) == count, "\(reason)") }
        let rows = try rows(of: "f.1")
        #expect(rows.cycles == (1...failure).filter { $0 != 11 && $0 != 12 })
        #expect(rows.ruls.last == 0)
    }

    @Test("A failure a few cycles after the last reading counts them; a distant one is no label")
    func unseenEnd() throws {
        var log = FieldLog()
        for (unit, unseen) in [("1", 10), ("2", 11)] as [(String, Int32)] {
            let life = lives[unit == "1" ? 0 : 1].snapshots
            try log.fly(unit, life.dropFirst(3))
            try log.event(.serviced, of: unit, after: 60)
            try log.event(.failed, of: unit, after: life[life.count - 1].cycle.cycles + unseen)
        }
        try log.store(in: workspace)
        let report = try preprocess().validation
        #expect(report.count(.unseenEnd) == 1)
        #expect(report.count(.lateStart) == 1)
        let rows = try rows(of: "f.1")
        #expect(rows.ruls.last == 10)
        #expect(rows.cycles.first == 4)
        #expect(zip(rows.cycles, rows.serviced).filter(\.1).map(\.0) == [60])
        #expect(try self.rows(of: "f.2").cycles.isEmpty)
    }

    @Test("An engine whose life is in the base data is not learnt from twice")
    func inBase() throws {
        let base = try DatasetFolder(folder.path("data")).train(subset: "SIM")[0]
        var log = FieldLog()
        try log.fly("9", base.snapshots)
        try log.event(.failed, of: "9", after: base.lastCycle.cycles)
        try log.store(in: workspace)
        #expect(try preprocess().validation.count(.inBase) == 1)
        #expect(try rows(of: "f.9").cycles.isEmpty)
    }

    @Test("When every pulled log ends in the future, this host's clock is named")
    func ownClock() throws {
        var one = FieldLog()
        try one.fly("1", lives[0].snapshots)
        one.now = WallClock.nowMillis() + 86_400_000
        try one.event(.failed, of: "1", after: lives[0].lastCycle.cycles)
        try one.store(in: workspace)
        let ahead = try preprocess().validation
        #expect(ahead.count(.ownClock) == 1)
        #expect(ahead.lines.contains { $0.contains("it is this host's clock that is behind") })
        // A second log that is right: then it is the first one's clock.
        var other = FieldLog(agent: "edge-2", storeID: "store-2")
        other.now = WallClock.nowMillis() - 60_000
        try other.fly("2", lives[1].snapshots)
        try other.store(in: workspace)
        let validation = try preprocess().validation
        #expect(validation.count(.ownClock) == 0)
        #expect(validation.count(.clockAhead) == 1)
    }

    @Test("A damaged page, a wrong clock and an event for nobody are named and stop nothing")
    func oddities() throws {
        var log = FieldLog()
        try log.event(.failed, of: "ghost", after: 12)
        try log.fly("1", lives[0].snapshots)
        log.now -= 86_400_000
        try log.event(.failed, of: "1", after: lives[0].lastCycle.cycles)
        log.now = 4_102_444_800_000
        try log.event(.serviced, of: "1", after: 3)
        try log.store(in: workspace)
        try workspace.objects.put(
            [1, 2, 3], bucket: .inferenceLogs, key: ObjectKey("f/edge-2/s/1-5.jsonl.gz"))
        let claim = try preprocess()
        #expect(claim.validation.field.unitsUsed == 1)
        let reasons: [ValidationReason] = [
            .eventWithoutReadings, .clockBack, .clockAhead, .damagedPage,
        ]
        for reason in reasons { #expect(claim.validation.count(reason) == 1, "\(reason)") }
        let stored = try workspace.objects.get(
            bucket: .processedData, key: ObjectKey("\(claim.configHash)/validation.json"))
        #expect(stored == claim.validation.json.bytes)
    }

    @Test("A failure that only another agent heard of ends the engine's life")
    func eventElsewhere() throws {
        var first = FieldLog(agent: "edge-1")
        try first.fly("1", lives[0].snapshots)
        var second = FieldLog(agent: "edge-2")
        try second.event(.failed, of: "1", after: lives[0].lastCycle.cycles)
        try first.store(in: workspace)
        try second.store(in: workspace)
        #expect(try preprocess().validation.field.unitsUsed == 1)
    }

    @Test("A fleet's name never makes two engines one, however long or dotted it is")
    func names() throws {
        let long = String(repeating: "x", count: 64)
        for (fleet, unit, life) in [("a.b", "c", 0), ("a", "b.c", 1), (long, long, 2)] {
            var log = FieldLog()
            try log.fly(unit, lives[life].snapshots)
            try log.event(.failed, of: unit, after: lives[life].lastCycle.cycles)
            try log.store(in: workspace, fleet: fleet)
        }
        #expect(try preprocess().validation.field.unitsUsed == 3)
        #expect(try rows(of: "a.b.c").cycles == lives[1].snapshots.map(\.cycle.cycles))
    }

    @Test("A unit with a bad row is left out and named; too many of them, or half a line, stop all")
    func badRuns() throws {
        let bytes = try FileBytes.read(folder.path("data/train_SIM.txt"))
        let text = String(decoding: bytes, as: UTF8.self)
        var lines = text.split(separator: "\n").map(String.init)
        func change(unit: Int, cycle: Int, _ body: (String) -> [String]) throws {
            let index = try #require(lines.firstIndex { $0.hasPrefix("\(unit) \(cycle) ") })
            lines.replaceSubrange(index...index, with: body(lines[index]))
        }
        try change(unit: 3, cycle: 7) { [$0.replacing(" 518.67 ", with: " 0.0 ")] }
        try change(unit: 9, cycle: 20) { [$0, $0] }
        try change(unit: 12, cycle: 30) { _ in [] }
        try change(unit: 15, cycle: 5) { ["\($0) 1"] }
        try folder.write(lines.joined(separator: "\n") + "\n", to: "data/train_SIM.txt")
        let report = try preprocess().validation
        #expect(report.base.units == 40 && report.base.unitsUsed == 36)
        let reasons: [(ValidationReason, Int)] = [
            (.outOfRange, 1), (.repeatedCycle, 1), (.missingCycles, 2), (.unreadable, 1),
            (.notWhole, 4),
        ]
        for (reason, count) in reasons {
            #expect(report.count(reason, in: .base) == count, "\(reason)")
        }
        for unit in ["3", "9", "12", "15"] { #expect(try rows(of: unit).cycles.isEmpty) }
        try folder.write(
            String(lines.joined(separator: "\n").dropLast(40)), to: "data/train_SIM.txt")
        let cut = #expect(throws: DatasetError.self) { try preprocess() }
        #expect(cut?.description.contains("ends in the middle of line") == true)
        try change(unit: 20, cycle: 5) { _ in [] }
        try folder.write(lines.joined(separator: "\n") + "\n", to: "data/train_SIM.txt")
        let many = #expect(throws: DatasetError.self) { try preprocess() }
        #expect(many?.description.contains("5 of 40 units") == true)
    }

    @Test("Base data alone are trained on where that is asked for")
    func withoutField() throws {
        let none = try preprocess()
        var log = FieldLog()
        try log.fly("1", lives[0].snapshots)
        try log.event(.failed, of: "1", after: lives[0].lastCycle.cycles)
        try log.store(in: workspace)
        let request = PreprocessStep.Request(
            folder: folder.path("data"), subset: "SIM", scheme: .nightly, rolesSeed: 1,
            includesField: false)
        let claim = try PreprocessStep.run(request, workspace: workspace, progress: .silent)
        #expect(claim.isUnchanged && claim.configHash == none.configHash)
    }
}
