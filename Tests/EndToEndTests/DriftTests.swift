import EdgeProtocol
import Foundation
import Prognostics
import Sodium
import StrictJSON
import TestSupport
import Testing

/// A sensor goes wrong on a running fleet, and the back office names it without pulling a log.
@Suite(
    "Drift, end to end", .enabled(if: TestBroker.isInstalled, "\(TestBroker.skipMessage)"),
    .timeLimit(.minutes(5)))
struct DriftTests {
    /// Where a row has sensor 11: after unit, cycle and three settings.
    static let column = 2 + 3 + 10

    /// Rows of these units, cycle by cycle as a fleet flies; sensor 11 reads `bias` too much.
    static func rows(
        _ models: TrainedModels, units: ClosedRange<Int>, count: Int, bias: Double = 0
    ) -> [[UInt8]] {
        let lives = units.map { models.rows(of: "\($0)") }
        let longest = lives.map(\.count).max() ?? 0
        let flown = (0..<longest).flatMap { cycle in
            lives.compactMap { $0.indices.contains(cycle) ? $0[cycle] : nil }
        }
        return flown.prefix(count).map { row in
            var words = String(decoding: row, as: UTF8.self).split(separator: " ").map(String.init)
            words[column] = String(format: "%.2f", (Double(words[column]) ?? 0) + bias)
            return Array(words.joined(separator: " ").utf8)
        }
    }

    /// What `backoffice drift` says about a fleet.
    static func drift(
        _ models: TrainedModels, _ agent: RunningAgent
    ) throws -> (status: Int32, drifting: [String], report: JSONReader) {
        let finished = try Subprocess.run(
            try BuiltProduct.path("backoffice"),
            [
                "drift", "--workspace", models.folder.path("workspace"), "--broker-host",
                agent.broker.host, "--broker-port", "\(agent.broker.port)", "--fleet",
                RunningAgent.fleet, "--json",
            ], seconds: 120)
        guard [0, 3].contains(finished.status) else { throw TestSupportError(finished.errors) }
        let limits = JSONLimits(sizeMax: 16_777_216, depthMax: 8)
        let report = try JSONReader(parsing: finished.standardOutput, limits: limits)
        let drifting = try report.objects("models").flatMap { try $0.objects("findings") }
            .filter { try $0.string("verdict") == "drifting" }.map { try $0.string("track") }
        return (finished.status, drifting, report)
    }

    /// Waits until the broker holds the sketch of the window that ended before `sequence`.
    static func waitForWindow(before sequence: Int64, _ agent: RunningAgent) throws {
        let name = try #require(UnitIdentifier(RunningAgent.name))
        let number = sequence / 512 - 1
        _ = try agent.retained(agent.topics.sketch(Int(number % 6), of: name)) {
            try $0.integer("window") == number
        }
    }

    @Test("A biased sensor is named by backoffice drift, and nothing is before it goes wrong")
    func biasedSensor() throws {
        let models = try TrainedModels.shared.get()
        let key = SigningKeyBox()
        let agent = try RunningAgent(publicKey: key.verificationKey)
        let publisher = Publisher(agent: agent, key: key)
        try publisher.publish(publisher.offer(models.first, counter: 1))
        try publisher.publishBlocks(models.first)
        let name = try #require(UnitIdentifier(RunningAgent.name))
        _ = try agent.retained(agent.topics.model(of: name)) { try $0.string("state") == "active" }

        try agent.publish(
            Self.rows(models, units: 1...30, count: 2_100), to: agent.topics.readings)
        _ = try agent.health(received: 2_100)
        try Self.waitForWindow(before: 2_100, agent)
        let before = try Self.drift(models, agent)
        #expect(before.status == 0)
        #expect(before.drifting == [])
        let model = try #require(try before.report.objects("models").first)
        #expect(try model.string("run_id") == models.first.runID)
        #expect(try model.strings("agents") == [RunningAgent.name])
        #expect(try model.integer("readings") > 1_500)

        try agent.publish(
            Self.rows(models, units: 31...60, count: 2_100, bias: 0.8), to: agent.topics.readings)
        _ = try agent.health(received: 4_200)
        try Self.waitForWindow(before: 4_200, agent)
        let after = try Self.drift(models, agent)
        #expect(after.status == 3)
        #expect(after.drifting.contains("s11"), "\(after.drifting)")
        let others = after.drifting.filter { $0.hasPrefix("s") && $0 != "s11" }
        #expect(others == [], "sensors that read what they should")

        let logs = models.folder.path("workspace/objects/inference-logs")
        let pulled = (try? FileManager.default.contentsOfDirectory(atPath: logs)) ?? []
        #expect(pulled == [], "no log was pulled")
    }
}
