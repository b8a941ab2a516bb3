import Glibc

/// The time of day; read in the shell only, and passed on as a value.
package enum WallClock {
    /// Milliseconds since 1970.
    package static func nowMillis() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }

    /// What is said of a clock that is behind what is on record; nil for one that may be right.
    ///
    /// An hour is left to clocks that were set; a day behind would date decisions before those that
    /// they follow, and let offers expire early.
    package static func doubt(nowMillis: Int64, newestMillis: Int64?) -> String? {
        guard let newestMillis, newestMillis - nowMillis > 3_600_000 else { return nil }
        return "This host's clock says \(text(nowMillis)), and the registry has an entry of "
            + "\(text(newestMillis)): one of both is wrong. Nothing that is learnt depends on it, "
            + "but offers expire by it. Check the time service."
    }

    /// A time as people and logs read it: `2026-11-21T09:28:23Z`.
    package static func text(_ millis: Int64) -> String {
        var seconds = time_t(millis / 1_000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func padded(_ value: Int32, _ width: Int) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        let date = [
            padded(parts.tm_year + 1_900, 4), padded(parts.tm_mon + 1, 2), padded(parts.tm_mday, 2),
        ]
        let clock = [padded(parts.tm_hour, 2), padded(parts.tm_min, 2), padded(parts.tm_sec, 2)]
        return "\(date.joined(separator: "-"))T\(clock.joined(separator: ":"))Z"
    }
}
