import BackofficePipeline
import Datasets
import EdgeProtocol
import Evaluation
import Mosquitto
import ObjectStore
import Prognostics
import Registry
import TestSupport
import Testing

@Suite(
    "A whole night with a real broker",
    .enabled(if: TestBroker.isInstalled, "\(TestBroker.skipMessage)"))
struct NightlyTests {
    let folder: TemporaryFolder
    let workspace: Workspace
    let broker: TestBroker
    let fleet: FleetBroker

    init() throws {
        folder = try SmallNight.copy()
        _ = try KeysStep.create(workspace: folder.path("W"))
        workspace = try SmallNight.open(folder)
        broker = try TestBroker()
        fleet = try FleetBroker(
            host: broker.host, port: Int32(broker.port), user: nil, password: nil, fleet: "f",
            topicPrefix: Topics.defaultPrefix)
    }

    func night(
        types: [String] = ["xgboost"], ensemble: String? = nil, data: PreprocessStep.Request? = nil
    ) throws -> NightlyStep.Report {
        let request = NightlyStep.Request(
            data: data ?? SmallNight.request(folder), expectedTypes: types,
            ensemble: try ensemble.map { try EnsembleRecipe($0) }, seed: 1, broker: fleet,
            trainers: try SmallNight.trainers())
        return try NightlyStep(workspace: workspace, request: request, progress: .silent).run()
    }

    @Test("A night promotes and pushes; the next one only repairs what the broker lost")
    func unchanged() throws {
        let first = try night()
        guard case .promote? = first.decision else {
            Issue.record("unexpected \(String(describing: first.decision))")
            return
        }
        #expect(first.push?.publishedOffer == true)
        #expect(first.failures.isEmpty)
        try broker.restart()
        let second = try night()
        #expect(second.decision == nil)
        #expect(second.runs.map(\.isUnchanged) == [true])
        #expect(second.push?.publishedOffer == true)
        #expect(second.push?.counter == first.push?.counter)
        #expect(try workspace.registry.promotionHistory().count == 1)
    }

    @Test(
        "A version trained since the last decision is decided about, whatever the clock said then")
    func newVersion() throws {
        _ = try night()
        let known = try #require(try workspace.registry.promotionHistory().last)
        let future = PromotionRecord(
            timeMillis: known.timeMillis + 86_400_000, decision: .kept,
            configHash: known.configHash, version: 1, score: known.score, reasons: [])
        try workspace.registry.append(future, newestVersion: 1)
        #expect(try night().decision == nil)
        #expect(try SmallNight.train(workspace, seed: 2).version == 2)
        #expect(try night().decision != nil)
    }

    @Test("A rollback is pushed with a higher counter, and the next night leaves it alone")
    func rollback() throws {
        #expect(try night().push?.counter == 1)
        try RollbackTests.promoteTwo(workspace)
        let second = try night()
        #expect(second.push?.counter == 2 && second.push?.version == 2)
        try RollbackTests.rollBack(workspace, to: 1)
        let third = try night()
        #expect(third.decision == nil, "this data set was decided about")
        #expect(third.push?.counter == 3 && third.push?.version == 1)
        // With another version the night compares again, with the version rolled back to.
        try SmallNight.train(workspace, seed: 3)
        let reasons = try #require(try night().decision).reasons
        #expect(reasons[0].contains("of 2 candidate(s)"), "\(reasons)")
        #expect(reasons.contains("Version 2 was rolled back from, so it is no candidate."))
    }

    @Test("A night pulls the logs of agents that are online, and of no others")
    func pulls() throws {
        let agent = try #require(UnitIdentifier("edge-1"))
        let gone = try #require(UnitIdentifier("edge-2"))
        try publish([(agent, "online"), (gone, "offline")])
        let scripted = try ScriptedAgent(
            broker: broker, topics: fleet.topics, agent: agent, state: .init(entryCount: 7))
        defer { scripted.stop() }
        let report = try night()
        #expect(report.pulls.map(\.agent) == [agent])
        #expect(report.pulls.map(\.entryCount) == [7])
    }

    /// Publishes retained statuses of agents.
    private func publish(_ statuses: [(agent: UnitIdentifier, status: String)]) throws {
        let session = try MosquittoSession(
            MosquittoConfiguration(
                host: broker.host, port: Int32(broker.port), clientIdentifier: "statuses"),
            timeoutSeconds: 10)
        for (agent, status) in statuses {
            try session.publish(
                topic: fleet.topics.status(of: agent),
                payload: Array(#"{"status":"\#(status)"}"#.utf8), retain: true,
                timeoutSeconds: 10)
        }
        session.disconnect()
    }

    @Test("A night learns from the day before it, and names the agent that it cannot pull from")
    func learnsFromTheDay() throws {
        let agent = try #require(UnitIdentifier("edge-1"))
        let broken = try #require(UnitIdentifier("edge-2"))
        let life = FleetSimulator(try #require(FleetConfiguration(units: 1, seed: 99)))
            .training()[0]
        var log = FieldLog()
        try log.fly("7", life.snapshots)
        try log.event(.failed, of: "7", after: life.lastCycle.cycles)
        let before = try night()
        let scripted = try ScriptedAgent(
            broker: broker, topics: fleet.topics, agent: agent,
            state: .init(entryCount: log.entries.count, entries: log.entries))
        defer { scripted.stop() }
        let other = try ScriptedAgent(
            broker: broker, topics: fleet.topics, agent: broken, state: .init(forged: [1, 2, 3]))
        defer { other.stop() }
        try publish([(agent, "online"), (broken, "online")])
        let after = try night()
        #expect(after.configHash != before.configHash)
        #expect(after.validation.field.unitsUsed == 1)
        #expect(after.runs.map(\.isUnchanged) == [false])
        #expect(after.failures.map { $0.contains("edge-2") } == [true])
        #expect(after.decision != nil)
    }

    @Test("Without its broker a night still promotes, says what failed, and mends it next time")
    func brokerAway() throws {
        try broker.stop()
        let first = try night()
        #expect(first.failures.count == 1, "to pull and to push fails for one reason")
        #expect(first.push == nil)
        #expect(try workspace.registry.promotedVersion() == 1)
        try broker.start()
        let second = try night()
        #expect(second.failures.isEmpty)
        #expect(second.push?.publishedOffer == true)
    }

    @Test("A clock that is behind what is on record is named, and the night goes on")
    func clockBehind() throws {
        #expect(try night().warnings.isEmpty)
        let known = try #require(try workspace.registry.promotionHistory().last)
        try workspace.registry.append(
            PromotionRecord(
                timeMillis: WallClock.nowMillis() + 86_400_000, decision: .kept,
                configHash: known.configHash, version: 1, score: known.score, reasons: []),
            newestVersion: 1)
        let report = try night()
        #expect(report.warnings.map { $0.hasPrefix("This host's clock says ") } == [true])
        #expect(report.failures.isEmpty && report.push != nil)
    }

    @Test("A crash between the decision and current.json is mended by the next night")
    func mendsCurrent() throws {
        _ = try night()
        let key = try ObjectKey("current.json")
        let current = try workspace.objects.get(bucket: .modelPromotion, key: key)
        try workspace.objects.put(
            Array("{}".utf8), bucket: .modelPromotion, key: key, replace: true)
        _ = try night()
        #expect(try workspace.objects.get(bucket: .modelPromotion, key: key) == current)
    }

    @Test("A night combines an ensemble whose members are there, and says which are not")
    func ensemble() throws {
        try SmallNight.train(workspace, seed: 2)
        let without = try night(ensemble: "xgboost=0.6,lstm=0.4")
        #expect(without.ensembleNote?.contains("lstm@1 was not trained") == true)
        #expect(without.runs.map(\.modelType) == ["xgboost"])
        #expect(without.failures.isEmpty)
        let with = try night(ensemble: "xgboost=0.6,xgboost@2=0.4")
        #expect(with.ensembleNote == nil)
        #expect(with.runs.map(\.modelType) == ["xgboost", "ensemble"])
        let reason = try #require(with.decision).reasons[0]
        #expect(reason.contains("of 3 candidate(s)"), "\(reason)")
    }

    @Test("A night whose training fails promotes nothing, repairs the broker and says why")
    func trainingFails() throws {
        #expect(try night().push?.publishedOffer == true)
        try broker.restart()
        // Lives too short for a golden trajectory.
        let rows = try SmallNight.units(folder).flatMap { unit in
            unit.snapshots.suffix(60).enumerated().map { index, snapshot in
                "\(unit.unit) \(index + 1) "
                    + (0..<24).map { "\(snapshot.columns[$0])" }.joined(separator: " ")
            }
        }
        try folder.write(rows.joined(separator: "\n") + "\n", to: "short/train_SIM.txt")
        let short = PreprocessStep.Request(
            folder: folder.path("short"), subset: "SIM", scheme: .nightly, rolesSeed: 1)
        let report = try night(data: short)
        #expect(report.isHeld && report.decision == nil)
        #expect(report.failures.count == 2)
        #expect(report.failures.first?.contains("a golden trajectory needs") == true)
        #expect(report.failures.last?.contains("xgboost is FAILED") == true)
        #expect(report.push?.publishedOffer == true)
        #expect(try workspace.registry.promotionHistory().count == 1)
    }

    @Test("A type that no one can train ends the night before anything is promoted")
    func unknownType() throws {
        let error = #expect(throws: BackofficeError.self) {
            try night(types: ["xgboost", "oracle"])
        }
        #expect(error?.description.contains("'oracle'") == true)
        #expect(try workspace.registry.promotedVersion() == nil)
    }
}
