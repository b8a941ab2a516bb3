import BackofficePipeline
import EdgeProtocol
import Fleet
import Mosquitto
import Prognostics
import Registry
import TestSupport
import Testing

/// Asks whether a rollout that was killed anywhere goes on with the same offers and counters.
@Suite(
    "Rollout with a real broker and registry",
    .enabled(if: TestBroker.isInstalled, "\(TestBroker.skipMessage)"))
struct RolloutStepTests {
    let folder: TemporaryFolder
    let workspace: Workspace
    let broker: TestBroker
    let fleet: FleetBroker
    let plan: RolloutPlan

    /// Version 1 is offered to all, version 2 is promoted, two agents are online.
    init() throws {
        folder = try SmallNight.copy()
        _ = try KeysStep.create(workspace: folder.path("W"))
        workspace = try SmallNight.open(folder)
        broker = try TestBroker()
        fleet = try FleetBroker(
            host: broker.host, port: Int32(broker.port), user: nil, password: nil, fleet: "demo",
            topicPrefix: Topics.defaultPrefix)
        var limits = RolloutPlan.Limits()
        (limits.soakSeconds, limits.predictionCountMin) = (0, 0)
        plan = try RolloutPlan(canary: "edge-1", waves: "", limits: limits)
        try SmallNight.promote(workspace)
        _ = try PushStep(workspace: workspace, broker: fleet, nowMillis: 0).run()
        try SmallNight.train(workspace, seed: 2)
        let hash = try #require(try workspace.registry.newestDataSet()?.configHash)
        try workspace.registry.append(
            PromotionRecord(
                timeMillis: 1, decision: .promoted, configHash: hash, version: 2, score: 1,
                reasons: []), newestVersion: 2)
        for name in ["edge-1", "edge-2"] { try say(name, runs: 1) }
    }

    func step(at millis: Int64 = 0) -> RolloutStep {
        RolloutStep(
            workspace: workspace, broker: fleet, nowMillis: millis, progress: .silent)
    }

    func publish(_ messages: [(topic: String, payload: [UInt8])]) throws {
        let session = try MosquittoSession(
            MosquittoConfiguration(
                host: broker.host, port: Int32(broker.port), clientIdentifier: "stranger"),
            timeoutSeconds: 10)
        for (topic, payload) in messages {
            try session.publish(topic: topic, payload: payload, retain: true, timeoutSeconds: 10)
        }
        session.disconnect()
    }

    /// What the broker holds below `models`.
    func held() throws -> [String: [UInt8]] {
        let session = try MosquittoSession(
            MosquittoConfiguration(
                host: broker.host, port: Int32(broker.port), clientIdentifier: "reader"),
            timeoutSeconds: 10)
        defer { session.disconnect() }
        try session.subscribe("\(fleet.target)models/#", qos: 1, timeoutSeconds: 10)
        try session.subscribe("end", qos: 1, timeoutSeconds: 10)
        try session.publish(topic: "end", payload: [], retain: false, timeoutSeconds: 10)
        var held: [String: [UInt8]] = [:]
        while let message = try session.nextMessage(timeoutSeconds: 10), message.topic != "end" {
            held[message.topic] = message.payload
        }
        return held
    }

    /// An agent says that it is online and runs a version.
    func say(_ name: String, runs version: Int64, change: (inout ModelReport) -> Void = { _ in })
        throws
    {
        let agent = try #require(UnitIdentifier(name))
        let run = try #require(
            try workspace.registry.modelVersions().first { $0.version == version }?.run)
        var report = ModelReport(state: .active)
        report.targetDigest = run.bundle?.digest
        report.serve(run.runID, run.bundle?.digest)
        change(&report)
        let identity = AgentIdentity(
            agent: agent, topics: fleet.topics, featureSpec: "x", version: "1", storeID: "s")
        try publish([
            (
                fleet.topics.status(of: agent),
                StatusMessage.present(identity, runID: run.runID, isIngesting: true)
            ),
            (fleet.topics.model(of: agent), report.encoded()),
        ])
    }

    private func offer(on topic: String) throws -> ModelOffer? {
        guard let bytes = try held()[topic], !bytes.isEmpty else { return nil }
        return try SignedOffer(bytes: bytes).decode()
    }

    @Test("Killed after any of its messages, the next look publishes the rest, under one counter")
    func killed() throws {
        _ = try step().start(plan)
        let agents = try #require(UnitIdentifier("edge-1")).description
        let before = try held()
        // Decided and on record, and nothing published.
        let decided = try step().decide(
            FleetAgent.all(in: try allHeld(), topics: fleet.topics), held: before)
        #expect(decided.rollout.audiences.count == 1, "\(agents) is the canary")
        let messages = try step().unpublished(held: before)
        #expect(messages.last?.topic == fleet.topics.candidateModel)
        #expect(messages.count > 2)
        var ends: [[String: [UInt8]]] = []
        for count in 0...messages.count {
            try publish(messages.prefix(count).map { ($0.topic, $0.payload) })
            let looked = try step().advance()
            #expect(looked.record.counter == decided.record.counter, "killed after \(count)")
            #expect(try step().unpublished(held: held()).isEmpty)
            ends.append(try held())
            // Back to before: what came is cleared.
            try publish(messages.map { ($0.topic, []) })
            #expect(try held() == before)
        }
        #expect(ends.allSatisfy { $0 == ends[0] })
        let releases = try workspace.registry.releases(target: fleet.target, limit: 10)
        #expect(releases.map(\.counter) == [2, 1])
    }

    private func allHeld() throws -> [String: [UInt8]] {
        let session = try MosquittoSession(
            MosquittoConfiguration(
                host: broker.host, port: Int32(broker.port), clientIdentifier: "agents"),
            timeoutSeconds: 10)
        defer { session.disconnect() }
        try session.subscribe("\(fleet.target)agents/#", qos: 1, timeoutSeconds: 10)
        try session.subscribe("end", qos: 1, timeoutSeconds: 10)
        try session.publish(topic: "end", payload: [], retain: false, timeoutSeconds: 10)
        var held: [String: [UInt8]] = [:]
        while let message = try session.nextMessage(timeoutSeconds: 10), message.topic != "end" {
            held[message.topic] = message.payload
        }
        return held
    }

    @Test("The former model's offer stands for all until the last stage takes its place")
    func inOrder() throws {
        _ = try step().start(plan)
        _ = try step().advance()
        #expect(try offer(on: fleet.topics.selectedModel)?.counter == 1)
        let canary = try #require(try offer(on: fleet.topics.candidateModel))
        #expect(canary.counter == 2)
        #expect(canary.audience == .agents([try #require(UnitIdentifier("edge-1"))]))
        // A push in between repairs, and widens nothing.
        try publish([(fleet.topics.candidateModel, []), (fleet.topics.selectedModel, [])])
        let repaired = try PushStep(workspace: workspace, broker: fleet, nowMillis: 1).run()
        #expect(repaired.note?.contains("is running") == true)
        #expect(try offer(on: fleet.topics.candidateModel) == canary)
        #expect(try offer(on: fleet.topics.selectedModel)?.counter == 1)

        try say("edge-1", runs: 2)
        _ = try step(at: 1_000).advance()
        #expect(try offer(on: fleet.topics.candidateModel) == nil)
        let all = try #require(try offer(on: fleet.topics.selectedModel))
        #expect(all.counter == 3 && all.audience == .all && all.digest == canary.digest)
        try say("edge-2", runs: 2)
        let done = try step(at: 2_000).advance()
        #expect(done.rollout.phase == .complete && !done.record.isActive)
        // The blocks of the former bundle leave with the rollout.
        let blocks = try held().keys.filter { $0.contains("/blocks/") }
        #expect(blocks.allSatisfy { $0.contains(all.digest.description) })
        let words = try workspace.registry.rolloutEvents(done.record.number).map(\.word)
        #expect(words == ["started", "offered", "offered", "completed"])
    }

    @Test("A canary that refuses halts it, and the abort offers the former model anew")
    func halts() throws {
        _ = try step().start(plan)
        _ = try step().advance()
        let candidate = try #require(try offer(on: fleet.topics.candidateModel))
        try say("edge-1", runs: 1) { $0.refuse(candidate, reason: "Golden trajectory 0 differs.") }
        let halted = try step(at: 1_000).advance()
        #expect(halted.hasHalted)
        #expect(halted.rollout.phase.reason?.contains("edge-1: Refused: Golden") == true)
        #expect(try step(at: 2_000).advance().hasHalted == false, "it halts once")
        #expect(try offer(on: fleet.topics.candidateModel) == candidate)
        #expect(throws: RolloutStepError.active(version: 2, phase: "halted")) {
            try step().start(plan)
        }
        _ = try step(at: 3_000).abort()
        #expect(try offer(on: fleet.topics.candidateModel) == nil)
        let back = try #require(try offer(on: fleet.topics.selectedModel))
        #expect(back.counter == 3 && back.audience == .all)
        #expect(back.disagreementMax == Double(Prediction.cap))
        // Neither a push nor a staged night tries the same version again.
        #expect(try step(at: 4_000).deliver(plan) == nil)
        let pushed = try PushStep(workspace: workspace, broker: fleet, nowMillis: 4_000).run()
        #expect(pushed.version == 1 && !pushed.publishedOffer)
        #expect(throws: RolloutStepError.none) { try step().abort() }
        // By hand it may be.
        #expect(try step(at: 5_000).start(plan).record.number == 2)
    }

    @Test("An operator pauses and resumes; a command that does not fit is refused")
    func operators() throws {
        #expect(throws: RolloutStepError.none) { try step().pause() }
        _ = try step().start(plan)
        _ = try step().advance()
        _ = try step().pause()
        #expect(throws: RolloutStepError.wrongPhase(wanted: "paused", phase: "paused")) {
            try step().pause()
        }
        try say("edge-1", runs: 2)
        #expect(try step(at: 1_000).advance().rollout.audiences.count == 1)
        _ = try step(at: 2_000).resume()
        #expect(try step(at: 3_000).advance().rollout.audiences.count == 2)
    }

    @Test("A registry older than the broker's offer goes no further")
    func restored() throws {
        _ = try step().start(plan)
        _ = try step().advance()
        let key = try KeyFileSigner(workspace.signingKeyPath)
        let newer = try #require(try offer(on: fleet.topics.candidateModel)).counting(9)
        try publish([(fleet.topics.candidateModel, try key.signed(newer))])
        #expect(throws: RolloutStepError.registryBehind(held: 9, known: 2)) {
            try step().advance()
        }
        _ = try step().abort()
        #expect(try offer(on: fleet.topics.selectedModel)?.counter == 10)
    }

    @Test("Nothing to go back to, or nothing new, is no rollout")
    func refused() throws {
        let other = try SmallNight.copy()
        _ = try KeysStep.create(workspace: other.path("W"))
        let fresh = try SmallNight.open(other)
        func step() -> RolloutStep {
            RolloutStep(workspace: fresh, broker: fleet, nowMillis: 0, progress: .silent)
        }
        #expect(throws: BackofficeError.noPromotedModel) { try step().start(plan) }
        try SmallNight.promote(fresh)
        #expect(throws: RolloutStepError.noFormerModel) { try step().start(plan) }
        #expect(try step().deliver(plan) == nil, "the first model is pushed")
        _ = try PushStep(workspace: fresh, broker: fleet, nowMillis: 0).run()
        #expect(throws: RolloutStepError.nothingNew(version: 1)) { try step().start(plan) }
    }
}
