import EdgeCore
package import EdgeProtocol

/// What `check` says about the device itself: disk, store and clock.
package enum DeviceCheck {
    /// Days to full from which on nobody needs to act.
    private static let daysEnough: Int64 = 7
    /// 2024-01-01 in milliseconds since 1970: before it no agent of ours ran.
    private static let earliestMillis: Int64 = 1_704_067_200_000
    private static let dayMillis: Int64 = 86_400_000

    /// The clock, against the day that the store recorded last; `nil` in an empty store.
    package static func clock(nowMillis: Int64, lastDay: Int64?) -> CheckFinding {
        guard nowMillis >= earliestMillis else {
            return .warning(
                "the clock says \(nowMillis / dayMillis) days after 1970. Start a time service: "
                    + "received_at would be wrong, and an offer's expiry cannot be told.")
        }
        if let lastDay, lastDay * dayMillis > nowMillis + dayMillis {
            return .warning(
                "the clock is \(lastDay - nowMillis / dayMillis) days behind the latest readings "
                    + "of the store. Set it: it went back, or was ahead.")
        }
        return .fine("the clock says \(nowMillis / dayMillis) days after 1970")
    }

    /// The store's share of its budget, and how long that lasts.
    package static func budget(_ report: DiskReport) -> [CheckFinding] {
        let megabytes = "\(report.used / 1_000_000) of \(report.budget / 1_000_000) MB"
        var findings: [CheckFinding] = []
        switch report.daysToFull {
        case nil: findings.append(.fine("the store uses \(megabytes); no growth is recorded yet"))
        case let days? where days >= daysEnough:
            findings.append(.fine("the store uses \(megabytes), \(days) days to full"))
        case let days?:
            findings.append(
                .warning(
                    "the store uses \(megabytes), \(days) days to full. Pull its log, or raise "
                        + "DISK_BUDGET."))
        }
        if report.releasedUnpulled > 0 {
            findings.append(
                .warning(
                    "\(report.releasedUnpulled) readings were released before anybody pulled them. "
                        + "Pull more often, or raise DISK_BUDGET."))
        }
        if !report.hasBallast {
            findings.append(
                .warning(
                    "there is no room for the ballast of \(DiskBudget.ballastSize >> 20) MB. Free "
                        + "space on the disk: once it is full nothing can be released."))
        }
        return findings
    }

    /// The disk below the data folder.
    package static func disk(freeBytes: Int64, report: DiskReport, folder: String) -> CheckFinding {
        let lacking = report.budget - report.used - freeBytes
        guard lacking <= 0 else {
            return .warning(
                "\(folder) has \(freeBytes / 1_000_000) MB free, \(lacking / 1_000_000) MB less "
                    + "than the budget may still take. Free space, or lower DISK_BUDGET.")
        }
        return .fine("\(folder) has \(freeBytes / 1_000_000) MB free")
    }

    /// Damage of the past whose files still lie there.
    package static func salvages(_ reports: [SalvageReport]) -> [CheckFinding] {
        reports.map { report in
            .warning(
                "\(report.setAside) is a damaged store (\(report.readings) readings taken over, "
                    + "\(report.lost.map { "\($0)" } ?? "unknown") lost). Look at it, then move "
                    + "it away.")
        }
    }
}
