import StrictJSON
import TestSupport
import Testing

/// Asks whether a rollout reaches real agents in its order, and a bad one stays at the first.
@Suite(
    "Rollout, end to end", .serialized,
    .enabled(if: TestBroker.isInstalled, "\(TestBroker.skipMessage)"), .timeLimit(.minutes(5)))
struct RolloutTests {
    let fleet: AgentFleet

    /// Three agents that run the first version; the next one is promoted.
    init() throws {
        fleet = try AgentFleet()
        try fleet.promote(1)
        let pushed = try fleet.office("push")
        try #require(pushed.status == 0, "\(pushed.errors)")
        for name in ["edge-1", "edge-2", "edge-3"] { try fleet.start(name) }
        for name in ["edge-1", "edge-2", "edge-3"] {
            try fleet.waitFor(name, toRun: fleet.models.first)
        }
        try fleet.promote(2)
    }

    /// The options of a rollout that does not wait.
    private func start(_ more: String...) throws -> Finished {
        try fleet.startOffice(
            [
                "rollout", "start", "--json", "--rollout-canary", "edge-1", "--rollout-waves", "",
                "--rollout-soak", "0", "--rollout-predictions", "0", "--rollout-deadline", "60",
            ] + more
        ).wait()
    }

    private func status() throws -> JSONReader {
        let said = try fleet.office("rollout", "status", "--json")
        try #require(said.status == 0, "\(said.errors)")
        return try JSONReader(parsing: said.standardOutput)
    }

    @Test("The canary runs it first, a newcomer gets the former model, then all run it")
    func inOrder() throws {
        let (first, second) = (fleet.models.first, fleet.models.second)
        let started = try start()
        try #require(started.status == 0, "\(started.errors)")
        try fleet.waitFor("edge-1", toRun: second)
        // Whoever comes without a model in the middle of a rollout is not left without one.
        try fleet.start("edge-4")
        try fleet.waitFor("edge-4", toRun: first)
        #expect(try fleet.run(of: "edge-2") == .string(first.runID))
        #expect(try fleet.run(of: "edge-3") == .string(first.runID))
        try checkFleet()
        // A restart at the canary reads both offers again and stays with its own.
        try fleet.stop("edge-1")
        try fleet.start("edge-1")
        try fleet.waitFor("edge-1", toRun: second)
        let pushed = try fleet.office("push")
        #expect(pushed.output.contains("offer was there, 0 of"), "\(pushed.output)")

        // Killed while it waits for its next look, and gone on with.
        let killed = try fleet.startOffice(["rollout", "run", "--interval", "3600"])
        #expect(try Eventually.holds { try status().integer("stage") == 2 })
        killed.send(9)
        _ = try killed.wait()
        let finished = try fleet.office("rollout", "run", "--interval", "1", "--timeout", "60")
        #expect(finished.status == 0, "\(finished.output) \(finished.errors)")
        for name in ["edge-1", "edge-2", "edge-3", "edge-4"] {
            try fleet.waitFor(name, toRun: second)
        }
        #expect(try status().string("phase") == "complete")
        let repaired = try fleet.office("push")
        #expect(repaired.output.contains("offer was there, 0 of"), "\(repaired.output)")
    }

    /// The fleet as the command shows it while the canary runs the second version.
    private func checkFleet() throws {
        try fleet.publish([Array("{".utf8)], to: "agents/edge-5/status")
        let said = try fleet.office("fleet", "--json")
        try #require(said.status == 0, "\(said.errors)")
        let rows = try JSONReader(parsing: Array("{\"rows\":\(said.output)}".utf8)).objects("rows")
        #expect(
            try rows.map { try $0.string("agent") }
                == ["edge-1", "edge-2", "edge-3", "edge-4", "edge-5"])
        for (row, version) in zip(rows, [2, 1, 1, 1]) {
            #expect(try row.string("status") == "online")
            #expect(try row.value("difference") == .null, "\(said.output)")
            #expect(try row.object("target").integer("version") == version)
            #expect(try row.object("reported").integer("version") == version)
            #expect(try row.bool("degraded") == false)
        }
        let stranger = try #require(rows.last)
        #expect(try stranger.string("status") == "absent")
        #expect(try stranger.strings("unreadable").count == 1)
        let table = try fleet.office("fleet")
        #expect(table.output.contains("edge-5: Its status message cannot be read"))
        try fleet.publish([[]], to: "agents/edge-5/status")
    }

    @Test("A bundle that devices compute otherwise halts at the canary, and pushes pass it over")
    func badBundle() throws {
        let (first, second) = (fleet.models.first, fleet.models.second)
        var bytes = second.bytes
        bytes[try second.offset(of: "golden.0.outputs") + 4] ^= 1
        try fleet.replaceBundle(of: second.runID, with: bytes)
        let started = try start()
        try #require(started.status == 0, "\(started.errors)")
        try fleet.waitFor("edge-1", toSay: "refused")
        let ran = try fleet.office("rollout", "run", "--interval", "1", "--timeout", "60")
        #expect(ran.status == 2)
        let status = try status()
        #expect(try status.string("phase") == "halted")
        #expect(try status.string("reason").contains("Golden trajectory 0"))
        for name in ["edge-1", "edge-2", "edge-3"] {
            #expect(try fleet.run(of: name) == .string(first.runID))
        }
        let aborted = try fleet.office("rollout", "abort")
        #expect(aborted.status == 0, "\(aborted.errors)")
        let pushed = try fleet.office("push")
        #expect(pushed.output.contains("pushed version 1 "), "\(pushed.output)")
        #expect(pushed.output.contains("offer was there, 0 of"), "\(pushed.output)")
        // A night with staged rollouts does not try it again by itself.
        let staged = try fleet.office("push", "--rollout", "staged")
        #expect(staged.output.contains("pushed version 1 "), "\(staged.output)")
    }

    @Test("An abort takes the canary back to the former model, however far the two differ")
    func abort() throws {
        // An LSTM: it differs from trees more than any offer of either would allow by chance.
        try fleet.promote(3)
        try fleet.publish(fleet.models.rows(of: "3").prefix(60))
        let started = try start()
        try #require(started.status == 0, "\(started.errors)")
        try fleet.waitFor("edge-1", toRun: fleet.models.recurrent)
        let paused = try fleet.office("rollout", "pause")
        #expect(paused.status == 0)
        let ran = try fleet.office("rollout", "run", "--timeout", "0")
        #expect(ran.status == 2 && ran.output.contains("paused"), "\(ran.output)")
        let dry = try fleet.office("rollout", "abort", "--dry-run")
        #expect(dry.output.contains("1 agent(s) have run version 3"), "\(dry.output)")
        let aborted = try fleet.office("rollout", "abort")
        #expect(aborted.status == 0, "\(aborted.errors)")
        try fleet.waitFor("edge-1", toRun: fleet.models.first)
        let again = try fleet.office("rollout", "resume")
        #expect(again.status == 1 && again.errors.contains("No rollout is active"))
    }
}
