import EdgeCore
import Features
import Inference
import Prognostics

/// What ought to become of deliveries: the promise of docs/architecture.md, written down plainly.
///
/// One list of rows per unit, searched from end to end; no batches, no memory limit, no look-ups
/// that are saved, no state that is kept. It shares no code with the machine that it judges; the
/// arithmetic of features and models, which has oracles of its own, is called as a plain pass.
struct ReferenceFleet {
    /// A reading of a unit that left a row.
    struct Row: Equatable {
        var installation: Int
        var cycle: Int32
        var values: [UInt32]
        var isLate: Bool
    }

    /// A maintenance event that left a row.
    struct Happening: Equatable {
        var installation: Int
        var kind: String
        var cycle: Int32
    }

    /// What one delivery leaves in the log.
    enum Trace: Equatable {
        case row(unit: String, Row, isProtected: Bool)
        case happening(unit: String, Happening, isProtected: Bool)
        case quarantined
    }

    /// The sums that health reports.
    struct Sums: Equatable {
        var received = 0
        var applied = 0
        var suppressed = 0
        var late = 0
        var quarantined = 0
        var unprotected = 0
        var missing = 0
        var conflicts = 0
        var engines = 0
        var belatedEvents = 0
    }

    struct Unit {
        var installation = 1
        /// The highest cycle that this installation flew; 0 before its first.
        var last: Int32 = 0
        var rows: [Row] = []
        var happenings: [Happening] = []
    }

    private(set) var units: [String: Unit] = [:]
    private(set) var sums = Sums()

    /// Takes one delivery; what it leaves in the log, if anything.
    mutating func take(_ meaning: Meaning, isProtected: Bool) -> Trace? {
        switch meaning {
        case .reading(let name, let cycle, let values):
            return count(isProtected) {
                $0.takeReading(name, cycle, values, isProtected: isProtected)
            }
        case .nothing:
            return count(isProtected) { reference in
                reference.sums.quarantined += 1
                return .quarantined
            }
        case .event(let name, let kind, let cycle):
            // Events stand beside the sums: each has a row of its own.
            return takeEvent(name, kind, cycle, isProtected: isProtected)
        }
    }

    private mutating func count(
        _ isProtected: Bool, _ body: (inout Self) -> Trace?
    ) -> Trace? {
        sums.received += 1
        if !isProtected { sums.unprotected += 1 }
        return body(&self)
    }

    // MARK: Readings

    private mutating func takeReading(
        _ name: String, _ cycle: Int32, _ values: [UInt32], isProtected: Bool
    ) -> Trace? {
        var unit = units[name] ?? Unit()
        defer { units[name] = unit }
        let same = unit.rows.filter { $0.cycle == cycle }
        if same.contains(where: { $0.values == values }) {
            sums.suppressed += 1
            return nil
        }
        if cycle <= unit.last {
            if cycle == 1 {
                // An engine's first cycle again, with other values: another engine.
                unit.installation += 1
                unit.last = 0
                sums.engines += 1
            } else if same.contains(where: { $0.installation == unit.installation }) {
                sums.quarantined += 1
                sums.conflicts += 1
                return .quarantined
            } else {
                sums.late += 1
                let row = Row(
                    installation: unit.installation, cycle: cycle, values: values, isLate: true)
                unit.rows.append(row)
                return .row(unit: name, row, isProtected: isProtected)
            }
        }
        if unit.last > 0 { sums.missing += Int(cycle - unit.last) - 1 }
        unit.last = cycle
        sums.applied += 1
        let row = Row(
            installation: unit.installation, cycle: cycle, values: values, isLate: false)
        unit.rows.append(row)
        return .row(unit: name, row, isProtected: isProtected)
    }

    // MARK: Events

    private mutating func takeEvent(
        _ name: String, _ kind: String, _ cycle: Int32, isProtected: Bool
    ) -> Trace? {
        var unit = units[name] ?? Unit()
        let now = unit.installation
        let told = unit.happenings.filter { $0.kind == kind && $0.cycle == cycle }
        // A repeat: of this engine, or, where this one has not flown so far, of one before.
        if told.contains(where: { $0.installation == now }) { return nil }
        if cycle > unit.last, !told.isEmpty { return nil }

        var installation = now
        var ends = false
        let flownBefore =
            unit.rows.filter { $0.installation == now - 1 && !$0.isLate }.map(\.cycle).max() ?? 0
        let hasEndBefore = unit.happenings.contains {
            $0.installation == now - 1 && $0.kind != "serviced"
        }
        if unit.last == 0, now > 1 {
            // Nobody has flown since: it is about the one before.
            installation = now - 1
        } else if kind != "serviced" {
            if flownBefore > unit.last, cycle >= flownBefore, !hasEndBefore {
                installation = now - 1
            } else {
                ends = cycle >= unit.last
            }
        }
        if installation < now { sums.belatedEvents += 1 }
        let happening = Happening(installation: installation, kind: kind, cycle: cycle)
        unit.happenings.append(happening)
        if ends {
            unit.installation += 1
            unit.last = 0
        }
        units[name] = unit
        return .happening(unit: name, happening, isProtected: isProtected)
    }

    // MARK: Predictions

    /// The prediction for the latest reading of a unit, by a plain pass over its raw readings.
    ///
    /// `start` counts readings of the installation that were no longer there when the pass began.
    func prediction(of name: String, skipping start: Int, by model: ActiveModel) -> Prediction? {
        guard let unit = units[name] else { return nil }
        let happenings = unit.happenings.filter { $0.installation == unit.installation }
        var state = FeatureState()
        var before: Int32?
        var passed = 0
        // Applied readings of an installation stand in the order of their cycles.
        for row in unit.rows where row.installation == unit.installation && !row.isLate {
            passed += 1
            guard passed > start else { continue }
            if let before {
                let between = happenings.filter { $0.cycle >= before && $0.cycle < row.cycle }
                if between.contains(where: { $0.kind != "serviced" }) {
                    state = FeatureState()
                } else if !between.isEmpty {
                    state.restartBaseline()
                }
            }
            guard let snapshot = Self.snapshot(row) else { return nil }
            state.append(snapshot, using: model.parameters)
            before = row.cycle
        }
        guard before != nil else { return nil }
        return model.plan.run(model.plan.input(from: state, parameters: model.parameters))
    }

    private static func snapshot(_ row: Row) -> Snapshot? {
        guard let cycle = CycleCount(row.cycle), row.values.count == 24 else { return nil }
        var columns = InlineArray<24, Float>(repeating: 0)
        for index in 0..<24 { columns[index] = Float(bitPattern: row.values[index]) }
        return Snapshot(cycle: cycle, columns: columns)
    }
}
