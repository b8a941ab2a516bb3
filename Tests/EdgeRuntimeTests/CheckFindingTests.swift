import EdgeProtocol
import EdgeRuntime
import Mosquitto
import Testing

/// Asks what `check` makes of what it sees; nothing here looks at a clock, a disk or a broker.
@Suite("Findings of check")
struct CheckFindingTests {
    @Test("A clock in 1970 and one that went back are found, any other is fine")
    func clock() {
        let day: Int64 = 86_400_000
        let today: Int64 = 20_000
        #expect(DeviceCheck.clock(nowMillis: 5 * day, lastDay: nil).isWarning)
        #expect(!DeviceCheck.clock(nowMillis: today * day, lastDay: nil).isWarning)
        #expect(!DeviceCheck.clock(nowMillis: today * day, lastDay: today).isWarning)
        #expect(!DeviceCheck.clock(nowMillis: today * day, lastDay: today + 1).isWarning)
        let back = DeviceCheck.clock(nowMillis: today * day, lastDay: today + 2)
        #expect(back.isWarning)
        #expect(back.line.contains("2 days behind"))
    }

    @Test("A store that is full within a week, lost readings or lacks its ballast is found")
    func budget() {
        var report = DiskReport()
        report.used = 20_000_000
        report.budget = 64_000_000
        #expect(DeviceCheck.budget(report).allSatisfy { !$0.isWarning })
        report.daysToFull = 7
        #expect(DeviceCheck.budget(report).allSatisfy { !$0.isWarning })
        report.daysToFull = 6
        #expect(DeviceCheck.budget(report).map(\.isWarning) == [true])
        report.releasedUnpulled = 5
        report.hasBallast = false
        let lines = DeviceCheck.budget(report).map(\.line)
        #expect(lines.count == 3)
        #expect(lines[1].contains("5 readings were released before anybody pulled them"))
    }

    @Test("A disk with less room than the budget is found")
    func disk() {
        var report = DiskReport()
        report.used = 20_000_000
        report.budget = 64_000_000
        let enough = DeviceCheck.disk(freeBytes: 44_000_000, report: report, folder: "d")
        #expect(!enough.isWarning)
        let short = DeviceCheck.disk(freeBytes: 14_000_000, report: report, folder: "d")
        #expect(short.isWarning)
        #expect(short.line.contains("30 MB less"))
    }

    @Test(
        "Filters overlap exactly when a topic matches both",
        arguments: [
            ("p/readings", "p/readings", true), ("p/readings", "p/engines/+/readings", false),
            ("p/engines/+/readings", "p/engines/7/readings", true),
            ("p/engines/7/readings", "p/engines/+/readings", true),
            ("p/engines/7/readings", "p/engines/8/readings", false),
            ("p/engines/+/readings", "q/engines/+/readings", false), ("p/#", "p/readings", true),
        ])
    func overlap(one: String, other: String, isOverlap: Bool) {
        #expect((BrokerCheck.overlap([one], [other]) != nil) == isOverlap)
        #expect((BrokerCheck.overlap(["x", one], ["y", other]) != nil) == isOverlap)
    }

    @Test("A broker's limits below what the agent needs are found, each with its setting")
    func limits() {
        var limits = BrokerLimits()
        #expect(BrokerCheck.limits(limits).allSatisfy { !$0.isWarning })
        limits.maximumPacketSize = 1_048_575
        limits.retainAvailable = false
        limits.maximumQoS = 0
        limits.receiveMaximum = 19
        limits.sessionExpirySeconds = 604_799
        let lines = BrokerCheck.limits(limits).map(\.line)
        for setting in [
            "max_packet_size", "retain_available", "max_qos", "max_inflight_messages",
            "session expiry",
        ] {
            #expect(lines.count { $0.contains("Raise") || $0.contains("Set") } == 5)
            #expect(lines.count { $0.contains(setting) } == 1)
        }
        limits = BrokerLimits()
        limits.maximumPacketSize = 1_048_576
        limits.maximumQoS = 1
        limits.receiveMaximum = 20
        limits.sessionExpirySeconds = 604_800
        #expect(BrokerCheck.limits(limits).allSatisfy { !$0.isWarning })
    }

    @Test("A keep-alive that notices a dead broker late, and more units than fit, are found")
    func settings() {
        func subjects(_ keepAlive: Int32, _ units: Int64) -> [String] {
            DeviceCheck.settings(
                keepAliveSeconds: keepAlive, residentUnitsMax: 100, unitCount: units
            ).map { "\($0.level) \($0.subject)" }
        }
        #expect(subjects(300, 100).isEmpty)
        #expect(subjects(301, 100) == ["warning configuration.keep_alive"])
        #expect(subjects(300, 101) == ["note configuration.resident_units"])
    }

    @Test("A session that the broker forgot within a week is found, with what keeps it")
    func sessions() {
        let day: Int64 = 86_400_000
        var sessions = EdgeStore.Sessions()
        #expect(!DeviceCheck.sessions(sessions, nowMillis: 30 * day).isWarning)
        sessions.lost = 2
        sessions.lostAtMillis = 30 * day
        let fresh = DeviceCheck.sessions(sessions, nowMillis: 37 * day - 1)
        #expect(fresh.isWarning)
        #expect(fresh.seen.contains("2 time(s), the last one 6 days ago"))
        #expect(fresh.change.contains("persistence true"))
        #expect(fresh.change.contains("autosave_interval"))
        #expect(!DeviceCheck.sessions(sessions, nowMillis: 37 * day).isWarning)
        // A clock that went back does not hide it.
        #expect(DeviceCheck.sessions(sessions, nowMillis: 0).isWarning)
    }

    @Test("Each warning says what was seen, what was expected and what to change")
    func threeParts() {
        var report = DiskReport()
        report.used = 20_000_000
        report.budget = 64_000_000
        report.daysToFull = 1
        report.releasedUnpulled = 5
        report.hasBallast = false
        var limits = BrokerLimits()
        limits.retainAvailable = false
        let findings =
            DeviceCheck.budget(report) + BrokerCheck.limits(limits)
            + [
                DeviceCheck.clock(nowMillis: 0, lastDay: nil),
                DeviceCheck.disk(freeBytes: 0, report: report, folder: "d"),
            ]
        #expect(findings.count == 6)
        for finding in findings {
            #expect(finding.isWarning)
            #expect(!finding.seen.isEmpty && !finding.expected.isEmpty && !finding.change.isEmpty)
            #expect(finding.change.hasSuffix("."))
            let line = "warning: \(finding.seen); expected: \(finding.expected). \(finding.change)"
            #expect(finding.line == line)
        }
        #expect(Set(findings.map(\.subject)).count == findings.count)
    }
}
