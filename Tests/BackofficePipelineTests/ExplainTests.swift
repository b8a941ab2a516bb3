import BackofficePipeline
import Datasets
import EdgeProtocol
import Features
import Foundation
import Inference
import ModelBundle
import ObjectStore
import Prognostics
import Registry
import Sodium
import StrictJSON
import TestSupport
import Testing
import Zlib

@Suite("Explaining a prediction")
struct ExplainTests {
    let folder: TemporaryFolder

    init() throws { folder = try SmallNight.copy() }

    /// One engine's log as its device writes it, by the small night's bundle.
    ///
    /// Serviced after cycle 60, which the device learns before cycle 61 or, when it is late, before
    /// cycle 71. Features are computed here by the streaming code, reading by reading.
    struct Flight {
        var entries: [LogEntry] = []
        let runID: String

        init(_ workspace: Workspace, isLate: Bool = false, released: Int = 0) throws {
            let version = try #require(try workspace.registry.modelVersions().first)
            let bundle = try ModelBundle(
                decoding: workspace.objects.get(
                    bucket: .models, key: ObjectKey(try #require(version.run.bundle).key)))
            runID = version.run.runID
            let life = FleetSimulator(try #require(FleetConfiguration(units: 1, seed: 99)))
                .training()[0]
            let service = try #require(CycleCount(60))
            let unit = try #require(UnitIdentifier("7"))
            var state = FeatureState()
            var services: [CycleCount] = []
            var log = FieldLog()
            for (index, snapshot) in life.snapshots.prefix(100).enumerated() {
                if index == (isLate ? 70 : 60) {
                    try log.event(.serviced, of: "7", after: 60)
                    services = [service]
                    // The device builds the features anew from raw readings.
                    state = FeatureState()
                    for known in life.snapshots[released..<index] {
                        state.append(
                            known, services: services, using: bundle.featureParameters)
                    }
                }
                state.append(snapshot, services: services, using: bundle.featureParameters)
                let input = bundle.plan.input(from: state, parameters: bundle.featureParameters)
                try log.fly("7", [snapshot])
                let reading = ReadingEntry(
                    sequence: Int64(log.entries.count),
                    key: ReadingKey(unit: unit, installation: 1, cycle: snapshot.cycle),
                    snapshot: snapshot, payloadHash: SHA256.digest(of: snapshot.canonicalBytes),
                    outcome: .scored, receivedAt: log.now, unprotected: false,
                    scoring: .init(
                        prediction: bundle.plan.run(input), runID: runID, latencyMicros: 9))
                log.replaceLast(.reading(reading))
            }
            entries = log.entries
        }
    }

    func store(_ entries: [LogEntry], in workspace: Workspace) throws {
        var lines: [UInt8] = []
        for entry in entries { lines += JSON.object(entry.members).bytes + [10] }
        let first = try #require(entries.first).sequence
        let last = try #require(entries.last).sequence
        try workspace.objects.put(
            Gzip.compress(lines), bucket: .inferenceLogs,
            key: ObjectKey("f/edge-1/store-1/\(first)-\(last).jsonl.gz"))
    }

    func explain(_ key: String, in workspace: Workspace) throws -> Explanation {
        let asked = try #require(AskedPrediction(key: key, fleet: nil))
        let found = try ExplainStep(workspace: workspace, progress: .silent).run(asked)
        try #require(found.count == 1)
        return found[0]
    }

    @Test(
        "Every bit agrees before, at and after a service, in time or late",
        arguments: [false, true])
    func agrees(isLate: Bool) throws {
        let workspace = try SmallNight.open(folder)
        try store(try Flight(workspace, isLate: isLate).entries, in: workspace)
        for cycle in [1, 14, 15, 60, 61, 65, 70, 71, 100] {
            let explanation = try explain("7/1/\(cycle)", in: workspace)
            #expect(explanation.verdict == .agrees, "cycle \(cycle)")
            #expect(explanation.said == explanation.recomputed)
            #expect(explanation.readingCount == cycle)
            #expect(explanation.version == 1 && explanation.exitStatus == 0)
        }
    }

    @Test("A number that is another one by its last bit differs")
    func differs() throws {
        let workspace = try SmallNight.open(folder)
        let flight = try Flight(workspace)
        try store(flight.entries, in: workspace)
        guard case .reading(let entry)? = flight.entries.last, let scoring = entry.scoring else {
            Issue.record("the flight ends with no reading")
            return
        }
        let message = String(decoding: entry.predictionPayload(isBackfill: false), as: UTF8.self)
        let step = ExplainStep(workspace: workspace, progress: .silent)
        let same = try AskedPrediction(message: Array(message.utf8), fleet: "f")
        #expect(try step.run(same).map(\.verdict) == [.agrees])
        let rul = scoring.prediction.rul
        let forged = message.replacing("\"rul\":\(rul)", with: "\"rul\":\(rul.nextDown)")
        #expect(forged != message)
        let other = try AskedPrediction(message: Array(forged.utf8), fleet: nil)
        let explanation = try #require(try step.run(other).first)
        #expect(explanation.verdict == .differs)
        #expect(explanation.exitStatus == 3)
        #expect(throws: BackofficeError.self) {
            try step.run(try AskedPrediction(message: Array(message.utf8), fleet: "other"))
        }
    }

    @Test("A log that lacks readings is incomplete, from a cycle that is named")
    func incomplete() throws {
        let workspace = try SmallNight.open(folder)
        let entries = try Flight(workspace).entries
        // The first page was never pulled; then the one of cycles 31 to 40.
        try store(Array(entries[10..<30]), in: workspace)
        try store(Array(entries[40...]), in: workspace)
        let late = try explain("7/1/20", in: workspace)
        guard case .incomplete(let beginning) = late.verdict else {
            Issue.record("unexpected \(late.verdict)")
            return
        }
        #expect(beginning.fromCycle == 1 && late.exitStatus == 4)
        #expect(beginning.reason.contains("begins with cycle 11"))
    }

    @Test("A page that was not pulled in between is named by its entries")
    func hole() throws {
        let workspace = try SmallNight.open(folder)
        let entries = try Flight(workspace).entries
        try store(Array(entries[..<30]), in: workspace)
        try store(Array(entries[40...]), in: workspace)
        let explanation = try explain("7/1/50", in: workspace)
        guard case .incomplete(let missing) = explanation.verdict else {
            Issue.record("unexpected \(explanation.verdict)")
            return
        }
        #expect(missing.fromCycle == 31)
        #expect(missing.reason.contains("lacks the cycles 31 to 40"))
        #expect(try explain("7/1/30", in: workspace).verdict == .agrees)
    }

    @Test("What a device released before it built its features anew is found out")
    func released() throws {
        let workspace = try SmallNight.open(folder)
        try store(try Flight(workspace, released: 20).entries, in: workspace)
        // Trees may not tell a history from cycle 2 on from one that begins a little later.
        guard case .agreesFrom(let cycle) = try explain("7/1/90", in: workspace).verdict else {
            Issue.record("unexpected \(try explain("7/1/90", in: workspace).verdict)")
            return
        }
        #expect((2...21).contains(cycle.cycles))
        #expect(try explain("7/1/50", in: workspace).verdict == .agrees)
    }

    @Test("What was not scored, not pulled or never trained here cannot be explained")
    func refused() throws {
        let workspace = try SmallNight.open(folder)
        let flight = try Flight(workspace)
        var log = FieldLog()
        let life = FleetSimulator(try #require(FleetConfiguration(units: 1, seed: 99))).training()
        try log.fly("8", life[0].snapshots.prefix(3))
        try store(log.entries, in: workspace)
        #expect(throws: BackofficeError.self) { try explain("7/1/3", in: workspace) }
        let unscored = #expect(throws: BackofficeError.self) {
            try explain("8/1/3", in: workspace)
        }
        #expect(unscored?.description.contains("was unscored") == true)
        #expect(flight.runID.count == 16)
        for text in ["7/1", "7/0/3", "7/1/x", "a b/1/2", "7/1/3/4", "7/1/99999"] {
            #expect(AskedPrediction(key: text, fleet: nil) == nil, "\(text)")
        }
        for text in ["", "{}", "[1]", #"{"unit":"7","cycle":1}"#] {
            #expect(throws: BackofficeError.self) {
                try AskedPrediction(message: Array(text.utf8), fleet: nil)
            }
        }
    }

    @Test("The command says the verdict by its exit status, and in JSON")
    func command() throws {
        let entries = try {
            let workspace = try SmallNight.open(folder)
            let entries = try Flight(workspace).entries
            try store(Array(entries[..<30]), in: workspace)
            try store(Array(entries[40...]), in: workspace)
            return entries
        }()
        func run(_ arguments: [String], input: [UInt8] = []) throws -> Finished {
            try Subprocess.run(
                BuiltProduct.path("backoffice"),
                ["explain", "--workspace", folder.path("W")] + arguments,
                input: input, directory: folder.path)
        }
        let agrees = try run(["7/1/30"])
        #expect(agrees.status == 0)
        #expect(agrees.output.hasPrefix("7/1/30: every bit agrees\n"))
        let incomplete = try run(["7/1/50", "--json"])
        #expect(incomplete.status == 4)
        let json = try JSON.parse(Array(incomplete.output.utf8))
        guard case .array(let list) = json else {
            Issue.record("no list in \(json)")
            return
        }
        #expect(list.map { $0["verdict"] } == [.string("incomplete")])
        #expect(list.map { $0["incomplete_from_cycle"] } == [.integer(31)])
        guard case .reading(let entry) = entries[29] else {
            Issue.record("entry 30 is no reading")
            return
        }
        let payload = entry.predictionPayload(isBackfill: false)
        let message = try run(["--message", "-"], input: payload)
        #expect(message.status == 0, "\(message.errors)")
        #expect(try run(["9/1/30"]).status == 1)
        #expect(try run(["nonsense"]).status == 64)
        #expect(try run([]).status == 64)
    }
}
