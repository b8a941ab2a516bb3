package import StrictJSON

/// What one receiver of alerts has been told, and what it is to be told next, without I/O.
///
///     ──condition──▶ firing ──delivered──▶ told ──repeat interval──▶ firing again
///                      │                     └──condition gone──▶ over ──delivered──▶ forgotten
///                      └──condition gone, never told──▶ forgotten
///
/// The shell looks (`update`), sends the notices that come back in one message, and says that they
/// were delivered. What could not be sent is due again at the next look. A kill between delivery
/// and record sends a notice twice; it never loses one.
package struct AlertBook: Equatable, Sendable {
    /// How often a receiver is told.
    package struct Pace: Equatable, Sendable {
        /// Milliseconds after which an alert that is still firing is told again.
        package var repeatMillis: Int64 = 24 * 3_600_000
        /// Most notices within ``windowMillis``: a chat that gets more is not read.
        package var countMax = 20
        package let windowMillis: Int64 = 3_600_000

        package init() {}
    }

    /// One thing to tell.
    package struct Notice: Equatable, Sendable {
        package let condition: AlertCondition
        /// When it was seen first; milliseconds since 1970.
        package let sinceMillis: Int64
        /// Whether it is over.
        package let isResolved: Bool
    }

    /// Alerts that are followed at once; more are a flood, whose count the shell says.
    package static let entryCountMax = 10_000

    struct Entry: Equatable, Sendable {
        var condition: AlertCondition
        var sinceMillis: Int64
        /// When the receiver was told last; nil if it never was.
        var toldMillis: Int64?
        var isOver = false
    }

    var entries: [String: Entry] = [:]
    /// Times of the notices within the last window.
    var sentMillis: [Int64] = []

    package init() {}

    /// What is firing, as this receiver knows it or is about to, by severity and age.
    package var firing: [Notice] {
        Self.inOrder(entries.values.filter { !$0.isOver }.map(Self.notice))
    }

    /// Takes what is wrong now, and returns what is to be told.
    /// - Parameters:
    ///   - conditions: Everything that is wrong; the same key twice counts once.
    ///   - unknown: Rules about which nothing is known: their alerts stay as they are.
    ///   - nowMillis: The time of the look, in milliseconds since 1970.
    ///   - pace: How often the receiver is told.
    /// - Returns: What fits the pace, in order, and how many notices have to wait.
    package mutating func update(
        _ conditions: [AlertCondition], unknown: Set<AlertCondition.Rule> = [], nowMillis: Int64,
        pace: Pace
    ) -> (notices: [Notice], waiting: Int) {
        var seen: Set<String> = []
        for condition in conditions {
            guard seen.insert(condition.key).inserted else { continue }
            if entries[condition.key] != nil {
                // One that is over rings again only at the threshold, not in the band above it.
                if condition.onlyHolds, entries[condition.key]?.isOver == true { continue }
                entries[condition.key]?.condition = condition
                entries[condition.key]?.isOver = false
            } else if !condition.onlyHolds, entries.count < Self.entryCountMax {
                entries[condition.key] = Entry(condition: condition, sinceMillis: nowMillis)
            }
        }
        for (key, entry) in entries
        where !seen.contains(key) && !unknown.contains(entry.condition.rule) {
            if entry.toldMillis == nil { entries[key] = nil } else { entries[key]?.isOver = true }
        }
        sentMillis.removeAll { nowMillis - $0 >= pace.windowMillis || $0 > nowMillis }
        let due = Self.inOrder(
            entries.values.filter { entry in
                guard let told = entry.toldMillis else { return true }
                // A clock that was set back does not silence an alert for longer.
                return entry.isOver || nowMillis - told >= pace.repeatMillis || told > nowMillis
            }.map(Self.notice))
        let room = max(0, pace.countMax - sentMillis.count)
        return (Array(due.prefix(room)), max(0, due.count - room))
    }

    /// Records that the receiver has taken notices.
    package mutating func delivered(_ notices: [Notice], nowMillis: Int64) {
        for notice in notices {
            sentMillis.append(nowMillis)
            let key = notice.condition.key
            if notice.isResolved {
                entries[key] = nil
            } else {
                entries[key]?.toldMillis = nowMillis
            }
        }
    }

    private static func notice(_ entry: Entry) -> Notice {
        Notice(
            condition: entry.condition, sinceMillis: entry.sinceMillis, isResolved: entry.isOver)
    }

    private static func inOrder(_ notices: [Notice]) -> [Notice] {
        notices.sorted { lhs, rhs in
            if lhs.isResolved != rhs.isResolved { return rhs.isResolved }
            if lhs.condition.severity != rhs.condition.severity {
                return lhs.condition.severity < rhs.condition.severity
            }
            return (lhs.sinceMillis, lhs.condition.key) < (rhs.sinceMillis, rhs.condition.key)
        }
    }
}

extension AlertBook {
    /// The book as it is kept.
    package var json: JSON {
        [
            "sent": .array(sentMillis.map { .integer($0) }),
            "alerts": .array(
                entries.values.sorted { $0.condition.key < $1.condition.key }.map { entry in
                    [
                        "rule": .string(entry.condition.rule.rawValue),
                        "subject": .string(entry.condition.subject),
                        "severity": .string(entry.condition.severity.rawValue),
                        "summary": .string(entry.condition.summary),
                        "since": .integer(entry.sinceMillis),
                        "told": entry.toldMillis.map { .integer($0) } ?? .null,
                        "over": .bool(entry.isOver),
                    ]
                }),
        ]
    }

    /// Reads what ``json`` wrote; an alert of a rule that this program lacks is left out.
    package init(json: JSON) throws(JSONError) {
        let reader = try JSONReader(json)
        for value in try reader.array("sent") {
            guard case .number(let number) = value, let millis = number.integer else { continue }
            sentMillis.append(millis)
        }
        for alert in try reader.objects("alerts") {
            guard let rule = AlertCondition.Rule(rawValue: try alert.string("rule")),
                let severity = AlertCondition.Severity(rawValue: try alert.string("severity"))
            else { continue }
            let condition = AlertCondition(
                rule: rule, subject: try alert.string("subject"), severity: severity,
                summary: try alert.string("summary"))
            entries[condition.key] = Entry(
                condition: condition, sinceMillis: try alert.integer("since"),
                toldMillis: try alert.value("told") == .null ? nil : alert.integer("told"),
                isOver: try alert.bool("over"))
        }
    }
}
