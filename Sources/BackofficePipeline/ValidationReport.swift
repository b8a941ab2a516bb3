import Datasets
package import StrictJSON

/// What was rejected of raw runs and pulled logs, or is worth knowing about them, and why.
package struct ValidationReport: Equatable, Sendable {
    /// Where input comes from.
    package enum Source: String, Sendable, CaseIterable {
        /// Raw runs in files.
        case base
        /// Logs pulled from devices.
        case field
    }

    /// What is counted for a reason.
    package enum Subject: String, Sendable {
        case page, log, entry, event, row, unit
    }

    /// How often a reason applied, and where first.
    package struct Finding: Equatable, Sendable {
        package let source: Source
        package let reason: ValidationReason
        package fileprivate(set) var count: Int
        /// The first few places, in the order they were met.
        package fileprivate(set) var examples: [String]
    }

    /// What there was of a source, and what of it is in the data set.
    package struct Extent: Equatable, Sendable {
        package var units = 0
        package var rows = 0
        package var unitsUsed = 0
        package var rowsUsed = 0
    }

    /// The most examples of a finding.
    package static let exampleCountMax = 5

    /// In the order in which they were first met.
    package private(set) var findings: [Finding] = []
    package var base = Extent()
    package var field = Extent()

    package init() {}

    /// Counts a reason, with where it applied.
    package mutating func add(
        _ reason: ValidationReason, in source: Source, count: Int = 1,
        at place: @autoclosure () -> String
    ) {
        guard count > 0 else { return }
        let known = findings.firstIndex { $0.source == source && $0.reason == reason }
        let index = known ?? findings.count
        if known == nil {
            findings.append(Finding(source: source, reason: reason, count: 0, examples: []))
        }
        findings[index].count += count
        if findings[index].examples.count < Self.exampleCountMax {
            findings[index].examples.append(place())
        }
    }

    /// Counts what was found in raw runs.
    mutating func add(_ runs: ValidatedRuns) {
        base = Extent(
            units: runs.unitCount, rows: runs.rowCount, unitsUsed: runs.trajectories.count,
            rowsUsed: runs.trajectories.reduce(0) { $0 + $1.snapshots.count })
        for finding in runs.findings {
            add(ValidationReason(finding.fault), in: .base, at: finding.text)
        }
        for unit in runs.leftOut { add(.notWhole, in: .base, at: "unit \(unit)") }
    }

    /// How often a reason applied.
    package func count(_ reason: ValidationReason, in source: Source = .field) -> Int {
        findings.first { $0.source == source && $0.reason == reason }?.count ?? 0
    }

    /// The report as `validation.json` has it.
    package var json: JSON {
        func extent(_ extent: Extent) -> JSON {
            [
                "units": .integer(extent.units), "rows": .integer(extent.rows),
                "units_used": .integer(extent.unitsUsed), "rows_used": .integer(extent.rowsUsed),
            ]
        }
        return [
            "format": .string("nacelle-validation/1"), "base": extent(base),
            "field": extent(field),
            "findings": .array(
                findings.map { finding in
                    [
                        "source": .string(finding.source.rawValue),
                        "subject": .string(finding.reason.subject.rawValue),
                        "reason": .string(finding.reason.rawValue),
                        "left_out": .bool(finding.reason.leavesOut),
                        "count": .integer(finding.count),
                        "examples": .array(finding.examples.map { .string($0) }),
                    ]
                }),
        ]
    }

    /// The report as people read it: a line for each source that has anything, then the findings.
    package var lines: [String] {
        var lines: [String] = []
        for (source, extent) in [(Source.base, base), (.field, field)] where extent.units > 0 {
            lines.append(
                "\(source.rawValue): \(extent.unitsUsed) of \(extent.units) lives used, "
                    + "\(extent.rowsUsed) of \(extent.rows) rows")
        }
        for finding in findings {
            let effect = finding.reason.leavesOut ? "left out" : "used"
            lines.append(
                "  \(finding.source.rawValue), \(effect): \(finding.count) "
                    + "\(finding.reason.subject.rawValue)(s) \(finding.reason.explanation), "
                    + "for example \(finding.examples[0])")
        }
        return lines
    }
}

/// A reason to leave something out of a data set, or to say something about what is in it.
package enum ValidationReason: String, Sendable, CaseIterable {
    case unreadable = "unreadable_row"
    case repeatedCycle = "repeated_cycle"
    case missingCycles = "missing_cycles"
    case notWhole = "not_whole"
    case damagedPage = "damaged_page"
    case hashMismatch = "hash_mismatch"
    case quarantined
    case late
    case outOfRange = "out_of_range"
    case outOfOrder = "out_of_order"
    case clockBack = "clock_back"
    case clockAhead = "clock_ahead"
    case ownClock = "own_clock_behind"
    case known = "known_reading"
    case conflict = "conflicting_values"
    case afterEnd = "after_end"
    case eventWithoutReadings = "event_without_readings"
    case otherEngine = "other_engine"
    case stillFlying = "still_flying"
    case removed
    case unseenEnd = "unseen_end"
    case tooShort = "too_short"
    case tooManyGaps = "too_many_gaps"
    case inBase = "in_base"
    case gap
    case lateStart = "late_start"
    case serviced

    /// What is counted.
    package var subject: ValidationReport.Subject {
        switch self {
        case .damagedPage: .page
        case .ownClock: .log
        case .quarantined, .late, .hashMismatch, .clockBack, .clockAhead: .entry
        case .eventWithoutReadings: .event
        case .unreadable, .repeatedCycle, .missingCycles, .outOfRange, .outOfOrder, .known,
            .conflict, .afterEnd:
            .row
        case .notWhole, .otherEngine, .stillFlying, .removed, .unseenEnd, .tooShort, .tooManyGaps,
            .inBase,
            .gap, .lateStart, .serviced:
            .unit
        }
    }

    /// Whether it keeps its subject out of the data set.
    package var leavesOut: Bool {
        switch self {
        case .clockBack, .clockAhead, .ownClock, .gap, .lateStart, .serviced: false
        default: true
        }
    }

    /// What is said of its subjects.
    package var explanation: String {
        switch self {
        case .unreadable: "are not 26 columns of numbers"
        case .repeatedCycle: "repeat the cycle of the row before"
        case .missingCycles: "come after a gap"
        case .notWhole: "have a row that is refused"
        case .damagedPage: "cannot be read"
        case .hashMismatch: "are not what their hash says"
        case .quarantined: "were refused by the device"
        case .late: "came after a later cycle and were not applied"
        case .outOfRange: "are beyond what a working sensor reads"
        case .outOfOrder: "go back without being a repeat"
        case .clockBack: "are an hour or more older than one before them"
        case .clockAhead: "are an hour or more in the future"
        case .ownClock: "all end in the future, so it is this host's clock that is behind"
        case .known: "are in another log, too"
        case .conflict: "differ between two logs"
        case .afterEnd: "lie beyond the end of their engine's life"
        case .eventWithoutReadings: "are about engines without a reading"
        case .otherEngine: "contradict a longer log of the same installation"
        case .stillFlying: "have not failed yet"
        case .removed: "were taken off in working order"
        case .unseenEnd: "failed too many cycles after their last reading"
        case .tooShort: "have too few readings"
        case .tooManyGaps: "lack half of their cycles or more"
        case .inBase: "are in the base data, too"
        case .gap: "lack cycles in between"
        case .lateStart: "begin after cycle 1"
        case .serviced: "were serviced in between"
        }
    }
}

extension ValidationReason {
    /// The reason of a bad row of raw runs.
    init(_ fault: ValidatedRuns.Fault) {
        switch fault {
        case .unreadable: self = .unreadable
        case .outOfRange: self = .outOfRange
        case .repeated: self = .repeatedCycle
        case .missing: self = .missingCycles
        case .back: self = .outOfOrder
        }
    }
}
