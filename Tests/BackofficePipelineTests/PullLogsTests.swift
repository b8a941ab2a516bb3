import BackofficePipeline
import Datasets
import EdgeProtocol
import ObjectStore
import Parquet
import Prognostics
import Registry
import Sodium
import StrictJSON
import Synchronization
import TestSupport
import Testing
import Zlib

@Suite(
    "Pull logs over a real broker",
    .enabled(if: TestBroker.isInstalled, "\(TestBroker.skipMessage)"))
struct PullLogsTests {
    let folder: TemporaryFolder
    let workspace: Workspace
    let broker: TestBroker
    let fleet: FleetBroker
    let agent: UnitIdentifier

    init() throws {
        folder = try TemporaryFolder("pull")
        workspace = try Workspace(path: folder.path("W"), access: .create, command: "test")
        broker = try TestBroker()
        fleet = try FleetBroker(
            host: broker.host, port: Int32(broker.port), user: nil, password: nil, fleet: "f",
            topicPrefix: Topics.defaultPrefix)
        agent = try #require(UnitIdentifier("edge-1"))
    }

    func scripted(_ state: ScriptedAgent.State) throws -> ScriptedAgent {
        try ScriptedAgent(broker: broker, topics: fleet.topics, agent: agent, state: state)
    }

    func pull() throws -> PullLogsStep.Report {
        try PullLogsStep(
            workspace: workspace, broker: fleet, agent: agent, progress: .silent, answerSeconds: 2
        ).run()
    }

    func exported() throws -> [JSONReader] {
        var text: [UInt8] = []
        try ExportLogsStep.run(workspace: workspace, progress: .silent) { text += $0 }
        return try text.split(separator: UInt8(ascii: "\n")).map {
            try JSONReader(parsing: Array($0))
        }
    }

    @Test("All pages come home, in sequence, and the last is acknowledged too")
    func pages() throws {
        let scripted = try scripted(.init(entryCount: 2_500))
        defer { scripted.stop() }
        let report = try pull()
        #expect(report.entryCount == 2_500)
        #expect(report.pageCount == 3)
        let asked = scripted.state.withLock { $0.requests.map(\.after) }
        #expect(asked == [0, 1_000, 2_000, 2_500])
        let keys = try workspace.objects.list(bucket: .inferenceLogs).map(\.description)
        #expect(
            Set(keys) == [
                "f/edge-1/store-1/1-1000.parquet", "f/edge-1/store-1/1001-2000.parquet",
                "f/edge-1/store-1/2001-2500.parquet",
            ])
        let lines = try exported()
        #expect(try lines.map { try $0.integer("sequence") } == Array(1...2_500))
        #expect(try lines.first?.string("agent") == "edge-1")
        #expect(try lines.first?.string("store_id") == "store-1")
    }

    @Test("A second pull brings only what is new, none of it twice")
    func idempotent() throws {
        let scripted = try scripted(.init(entryCount: 10))
        defer { scripted.stop() }
        #expect(try pull().entryCount == 10)
        #expect(try pull().entryCount == 0)
        scripted.state.withLock { $0.entryCount = 15 }
        #expect(try pull().entryCount == 5)
        #expect(try exported().map { try $0.integer("sequence") } == Array(1...15))
    }

    @Test("A page that was stored before a crash is not asked for again")
    func resumesAfterCrash() throws {
        let scripted = try scripted(.init(entryCount: 30))
        defer { scripted.stop() }
        let lines = try (1...20).map { try ScriptedAgent.entry($0) }
        let header = LogPage.Header(
            agent: agent, storeID: "store-1", after: 0, through: 20, count: 20, more: true)
        let text = LogPage.lines(header, lines)
        let entries = text.split(separator: UInt8(ascii: "\n")).dropFirst()
        try workspace.objects.put(
            Gzip.compress(Array(entries.joined(separator: [10]) + [10])), bucket: .inferenceLogs,
            key: ObjectKey("f/edge-1/store-1/1-20.jsonl.gz"))
        #expect(try pull().entryCount == 10)
        #expect(try exported().map { try $0.integer("sequence") } == Array(1...30))
    }

    /// One entry of every kind and outcome, with values that have no short decimal form.
    func everyKind() throws -> [LogEntry] {
        let life = FleetSimulator(try #require(FleetConfiguration(units: 1, seed: 99)))
            .training()[0]
        var log = FieldLog()
        try log.fly("7", life.snapshots.prefix(3))
        try log.fly("7", [life.snapshots[0].changing(4, to: -0.0)], outcome: .late)
        log.quarantine()
        try log.event(.serviced, of: "7", after: 3)
        let scoring = ReadingEntry.Scoring(
            prediction: Prediction(
                rul: 98.1, rulLow: 0.1, rulHigh: 112.7, failureProbability: 1.1754944e-38,
                flags: [.early, .gap]), runID: "0123456789abcdef", latencyMicros: 230)
        let last = ReadingEntry(
            sequence: 7,
            key: ReadingKey(
                unit: life.unit, installation: 2, cycle: life.snapshots[3].cycle),
            snapshot: life.snapshots[3], payloadHash: SHA256.digest(of: []), outcome: .scored,
            receivedAt: 1_770_000_000_123, unprotected: true, scoring: scoring)
        return log.entries + [.reading(last)]
    }

    @Test("A page is a table, and every entry comes out of it as it went in, in each format")
    func table() throws {
        let entries = try everyKind()
        let scripted = try scripted(.init(entryCount: entries.count, entries: entries))
        defer { scripted.stop() }
        #expect(try pull().entryCount == 7)
        var found: [LogEntry] = []
        try PulledLog.entries(in: workspace.objects, progress: .silent) { found += $1 }
        #expect(found == entries)
        func export(_ format: ExportLogsStep.Format) throws -> [UInt8] {
            var bytes: [UInt8] = []
            try ExportLogsStep.run(
                workspace: workspace, progress: .silent, format: format
            ) { bytes += $0 }
            return bytes
        }
        let all = try ParquetTable(decoding: export(.parquet))
        #expect(try all.column("agent").strings() == .init(repeating: "edge-1", count: 7))
        #expect(try all.column("payload_prefix").optionalBytes()[4] == [0, 255])
        let csv = String(decoding: try export(.csv), as: UTF8.self).split(separator: "\r\n")
        #expect(csv.count == 8)
        #expect(csv[0].hasPrefix("fleet,agent,store_id,kind,sequence,unit,"))
        #expect(csv[5].contains(",t,Too short.,2,00ff,"))
    }

    @Test("A page that says more than a table holds is kept as it came")
    func newerAgent() throws {
        let scripted = try scripted(.init(entryCount: 1))
        defer { scripted.stop() }
        let header = LogPage.Header(
            agent: agent, storeID: "store-1", after: 0, through: 1, count: 1, more: false)
        let line = JSON.object(try ScriptedAgent.entry(1).members).text
        let newer = LogPage.lines(header, []) + Array((line.dropLast() + ",\"new\":1}\n").utf8)
        scripted.state.withLock { $0.forged = try? Gzip.compress(newer) }
        #expect(throws: BackofficeError.self) { try pull() }
        let keys = try workspace.objects.list(bucket: .inferenceLogs).map(\.description)
        #expect(keys == ["f/edge-1/store-1/1-1.jsonl.gz"])
        #expect(try exported().count == 1)
    }

    @Test(
        "pyarrow and duckdb open a page: nulls, texts and refused bytes",
        .enabled(if: OraclePython.isPresent, Comment(rawValue: OraclePython.skipMessage)))
    func oracles() throws {
        let entries = try everyKind()
        let scripted = try scripted(.init(entryCount: entries.count, entries: entries))
        defer { scripted.stop() }
        _ = try pull()
        let path = workspace.objects.place(
            bucket: .inferenceLogs, key: try ObjectKey("f/edge-1/store-1/1-7.parquet"))
        let script = """
            import sys, duckdb, pyarrow.parquet as pq
            rows = pq.read_table(sys.argv[1]).to_pylist()
            kinds = ["reading"] * 4 + ["quarantine", "event", "reading"]
            assert [row["kind"] for row in rows] == kinds
            assert rows[4]["payload_prefix"] == bytes([0, 255]) and rows[4]["unit"] is None
            assert rows[5]["event"] == "serviced" and rows[5]["s1"] is None
            assert rows[6]["flags"] == "early,gap" and abs(rows[6]["rul"] - 98.1) < 1e-5
            query = f"SELECT outcome, count(*), count(rul), count(s21) FROM '{sys.argv[1]}' "
            print(duckdb.sql(query + "GROUP BY outcome ORDER BY outcome").fetchall())
            """
        let expected =
            "[('late', 1, 0, 1), ('scored', 1, 1, 1), ('unscored', 3, 0, 3), (None, 2, 0, 0)]\n"
        #expect(try OraclePython.run(script, [path]) == expected)
    }

    @Test("A lost answer is asked for again")
    func lostAnswer() throws {
        let scripted = try scripted(.init(entryCount: 3, silences: 1))
        defer { scripted.stop() }
        #expect(try pull().entryCount == 3)
    }

    @Test("An agent that never answers is named, and nothing is lost")
    func noAnswer() throws {
        let scripted = try scripted(.init(entryCount: 3, silences: 3))
        defer { scripted.stop() }
        #expect(throws: BackofficeError.noAnswer(agent: "edge-1", seconds: 6)) { try pull() }
        #expect(try pull().entryCount == 3)
    }

    @Test("A new log of the same agent is pulled from its beginning, beside the old one")
    func newStore() throws {
        let scripted = try scripted(.init(entryCount: 5))
        defer { scripted.stop() }
        #expect(try pull().entryCount == 5)
        scripted.state.withLock { state in
            state.storeID = "store-2"
            state.entryCount = 2
        }
        #expect(try pull().entryCount == 2)
        let lines = try exported()
        #expect(
            try lines.map { try $0.string("store_id") }
                == Array(repeating: "store-1", count: 5) + ["store-2", "store-2"])
    }

    @Test("A page that is not the one asked for is refused and stores nothing")
    func forged() throws {
        let scripted = try scripted(.init(entryCount: 5))
        defer { scripted.stop() }
        #expect(try pull().entryCount == 5)
        let header = LogPage.Header(
            agent: agent, storeID: "store-1", after: 9, through: 9, count: 0, more: false)
        // It would move the cursor past entries that never came.
        let skipping = LogPage.Header(
            agent: agent, storeID: "store-1", after: 5, through: 9, count: 0, more: false)
        let empty = try [header, skipping].map { try Gzip.compress(LogPage.lines($0, [])) }
        for payload in empty + [[1, 2, 3], []] {
            scripted.state.withLock { $0.forged = payload }
            let error = #expect(throws: BackofficeError.self) { try pull() }
            #expect(error?.description.contains("refused") == true)
        }
        #expect(
            try workspace.registry.logCursor(fleet: "f", agent: "edge-1")
                == LogCursor(storeID: "store-1", sequence: 5))
        #expect(try exported().count == 5)
    }
}
