import BackofficePipeline
import EdgeProtocol
import Mosquitto
import Prognostics
import Registry
import TestSupport
import Testing

/// What a night still does when a part of its exchange with the fleet fails.
@Suite(
    "A night's exchange with the fleet",
    .enabled(if: TestBroker.isInstalled, "\(TestBroker.skipMessage)"))
struct NightlyExchangeTests {
    let folder: TemporaryFolder
    let workspace: Workspace
    let broker: TestBroker
    let fleet: FleetBroker

    init() throws {
        folder = try SmallNight.copy()
        workspace = try SmallNight.open(folder)
        broker = try TestBroker()
        fleet = try FleetBroker(
            host: broker.host, port: Int32(broker.port), user: nil, password: nil, fleet: "f",
            topicPrefix: Topics.defaultPrefix)
    }

    func night() throws -> NightlyStep.Report {
        let request = NightlyStep.Request(
            data: SmallNight.request(folder), expectedTypes: ["xgboost"], seed: 1, broker: fleet,
            trainers: try SmallNight.trainers())
        return try NightlyStep(workspace: workspace, request: request, progress: .silent).run()
    }

    @Test("Without a signing key nothing is pushed, and logs still come home")
    func missingKey() throws {
        let agent = try #require(UnitIdentifier("edge-1"))
        let scripted = try ScriptedAgent(
            broker: broker, topics: fleet.topics, agent: agent, state: .init(entryCount: 3))
        defer { scripted.stop() }
        let session = try MosquittoSession(
            MosquittoConfiguration(
                host: broker.host, port: Int32(broker.port), clientIdentifier: "status"),
            timeoutSeconds: 10)
        try session.publish(
            topic: fleet.topics.status(of: agent), payload: Array(#"{"status":"online"}"#.utf8),
            retain: true, timeoutSeconds: 10)
        session.disconnect()

        let report = try night()
        #expect(report.failures.count == 1)
        #expect(report.failures.first?.contains("'backoffice keys create'") == true)
        #expect(report.push == nil)
        #expect(report.pulls.map(\.entryCount) == [3])
    }

    @Test("Without a broker the model is still promoted, and the failure is told once")
    func missingBroker() throws {
        _ = try KeysStep.create(workspace: folder.path("W"))
        try broker.stop()
        let report = try night()
        #expect(report.failures.count == 1)
        #expect(report.failures.first?.contains("Check that the broker runs") == true)
        #expect(try workspace.registry.promotedVersion() == 1)
    }
}
