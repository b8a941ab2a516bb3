import EdgeCore
package import EdgeProtocol

/// What `check` says about the device itself: configuration, disk, store and clock.
package enum DeviceCheck {
    /// Days to full from which on nobody needs to act.
    private static let daysEnough: Int64 = 7
    /// 2024-01-01 in milliseconds since 1970: before it no agent of ours ran.
    private static let earliestMillis: Int64 = 1_704_067_200_000
    private static let dayMillis: Int64 = 86_400_000
    /// Seconds of silence after which a dead connection should be noticed.
    private static let keepAliveEnough: Int32 = 300
    /// Days for which a lost session is worth a warning.
    private static let lostSessionDays: Int64 = 7

    // MARK: Configuration

    /// Settings that are allowed and that few mean.
    package static func settings(
        keepAliveSeconds: Int32, residentUnitsMax: Int, unitCount: Int64
    ) -> [CheckFinding] {
        var findings: [CheckFinding] = []
        if keepAliveSeconds > keepAliveEnough {
            findings.append(
                .warning(
                    "configuration.keep_alive",
                    seen: "KEEP_ALIVE is \(keepAliveSeconds) s: a broker that fell silent is "
                        + "noticed only then", expected: "at most \(keepAliveEnough) s",
                    change: "Lower KEEP_ALIVE."))
        }
        if unitCount > residentUnitsMax {
            findings.append(
                .note(
                    "configuration.resident_units",
                    "the store has \(unitCount) units, \(residentUnitsMax) of them fit in memory; "
                        + "the others are rebuilt when they come back",
                    change: "Raise RESIDENT_UNITS if there is memory: a unit takes about 10 KB."))
        }
        return findings
    }

    // MARK: Clock

    /// The clock, against the day that the store recorded last; `nil` in an empty store.
    package static func clock(nowMillis: Int64, lastDay: Int64?) -> CheckFinding {
        let today = nowMillis / dayMillis
        guard nowMillis >= earliestMillis else {
            return .warning(
                "clock", seen: "the clock says \(today) days after 1970",
                expected: "at least \(earliestMillis / dayMillis) days",
                change: "Start a time service: received_at would be wrong, and an offer's expiry "
                    + "cannot be told.")
        }
        if let lastDay, lastDay * dayMillis > nowMillis + dayMillis {
            return .warning(
                "clock",
                seen:
                    "the clock is \(lastDay - today) days behind the latest readings of the store",
                expected: "a clock that never goes back",
                change: "Set it: it went back, or was ahead.")
        }
        return .fine("clock", "the clock says \(today) days after 1970")
    }

    // MARK: Disk and store

    /// The store's share of its budget, and how long that lasts.
    package static func budget(_ report: DiskReport) -> [CheckFinding] {
        let megabytes = "\(report.used / 1_000_000) of \(report.budget / 1_000_000) MB"
        let subject = "disk.days_to_full"
        var findings: [CheckFinding] = []
        switch report.daysToFull {
        case nil:
            findings.append(
                .fine(subject, "the store uses \(megabytes); no growth is recorded yet"))
        case let days? where days >= daysEnough:
            findings.append(.fine(subject, "the store uses \(megabytes), \(days) days to full"))
        case let days?:
            findings.append(
                .warning(
                    subject, seen: "the store uses \(megabytes), \(days) days to full",
                    expected: "at least \(daysEnough) days",
                    change: "Pull its log, or raise DISK_BUDGET."))
        }
        if report.releasedUnpulled > 0 {
            findings.append(
                .warning(
                    "disk.released_unpulled",
                    seen: "\(report.releasedUnpulled) readings were released before anybody pulled "
                        + "them", expected: "0",
                    change: "Pull more often, or raise DISK_BUDGET."))
        }
        if !report.hasBallast {
            findings.append(
                .warning(
                    "disk.ballast", seen: "there is no room for the ballast",
                    expected: "\(DiskBudget.ballastSize >> 20) MB",
                    change: "Free space on the disk: once it is full nothing can be released."))
        }
        return findings
    }

    /// The disk below the data folder.
    package static func disk(freeBytes: Int64, report: DiskReport, folder: String) -> CheckFinding {
        let wanted = report.budget - report.used
        let lacking = wanted - freeBytes
        guard lacking <= 0 else {
            return .warning(
                "disk.free",
                seen: "\(folder) has \(freeBytes / 1_000_000) MB free, \(lacking / 1_000_000) MB "
                    + "less than the budget may still take",
                expected: "\(wanted / 1_000_000) MB",
                change: "Free space, or lower DISK_BUDGET.")
        }
        return .fine("disk.free", "\(folder) has \(freeBytes / 1_000_000) MB free")
    }

    /// Damage of the past whose files still lie there.
    package static func salvages(_ reports: [SalvageReport]) -> [CheckFinding] {
        reports.map { report in
            .warning(
                "store.damage",
                seen: "\(report.setAside) is a damaged store (\(report.readings) readings taken "
                    + "over, \(report.lost.map { "\($0)" } ?? "unknown") lost)",
                expected: "no file set aside", change: "Look at it, then move it away.")
        }
    }

    /// Sessions that the broker forgot: from here the only sign of what it keeps over a restart.
    package static func sessions(
        _ sessions: EdgeStore.Sessions, nowMillis: Int64
    ) -> CheckFinding {
        let change =
            "Set persistence true, a persistence_location that stays, and an autosave_interval of "
            + "a few seconds."
        guard sessions.lost > 0 else {
            return .note(
                "broker.persistence",
                "the broker has not forgotten a session of this agent yet; whether it keeps its "
                    + "state over a restart cannot be seen from here", change: change)
        }
        let days = max(0, nowMillis - sessions.lostAtMillis) / dayMillis
        let seen =
            "the broker forgot this agent's session \(sessions.lost) time(s), the last one "
            + "\(days) days ago: what was published meanwhile is missing"
        guard days < lostSessionDays else { return .note("broker.persistence", seen) }
        return .warning(
            "broker.persistence", seen: seen,
            expected: "a broker that keeps sessions over a restart",
            change: change)
    }
}
