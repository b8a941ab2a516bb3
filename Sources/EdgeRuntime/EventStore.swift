package import EdgeCore
import EdgeProtocol
package import Prognostics
import SQLite

/// Events of the engines' lives, in the same file and the same transactions as their readings.
package final class EventStore {
    /// The newest events of a unit, which are looked at: 16 installations of as many as may be.
    package static let knownCountMax = 4_096

    private let database: Database
    private let released: ReleasedStore
    private let insertEvent: Statement
    private let selectOfUnit: Statement
    private let selectPreviousLast: Statement
    private let deleteCheckpoint: Statement
    private let selectPage: Statement
    private let selectNewestUnits: Statement
    private let selectNewest: Statement

    init(_ database: Database, _ released: ReleasedStore) throws(SQLiteError) {
        self.database = database
        self.released = released
        insertEvent = try database.prepare(
            """
            INSERT INTO events (sequence, unit_id, installation, kind, cycle, payload_hash,
              received_at, unprotected)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            """)
        selectOfUnit = try database.prepare(
            """
            SELECT installation, kind, cycle FROM (
              SELECT sequence, installation, kind, cycle FROM events
              WHERE unit_id = (SELECT unit_id FROM units WHERE name = ?)
              ORDER BY sequence DESC LIMIT \(Self.knownCountMax))
            ORDER BY sequence
            """)
        selectPreviousLast = try database.prepare(
            """
            SELECT cycle FROM readings
            WHERE unit_id = (SELECT unit_id FROM units WHERE name = ?1) AND installation = ?2
              AND outcome IN (1, 2)
            ORDER BY cycle DESC LIMIT 1
            """)
        deleteCheckpoint = try database.prepare("DELETE FROM checkpoints WHERE unit_id = ?")
        selectPage = try database.prepare(
            """
            SELECT sequence, name, events.installation, kind, cycle, payload_hash, received_at,
              events.unprotected
            FROM events JOIN units USING (unit_id)
            WHERE sequence > ? ORDER BY sequence LIMIT ?
            """)
        selectNewestUnits = try database.prepare(
            """
            SELECT name FROM units WHERE unit_id IN (
              SELECT unit_id FROM readings ORDER BY sequence DESC LIMIT 4096)
            ORDER BY unit_id LIMIT ?
            """)
        selectNewest = try database.prepare(
            """
            SELECT snapshot FROM readings
            WHERE unit_id = (SELECT unit_id FROM units WHERE name = ?1)
              AND installation = (SELECT installation FROM units WHERE name = ?1)
              AND outcome IN (1, 2)
            ORDER BY cycle DESC LIMIT ?2
            """)
    }

    // MARK: Within a batch

    func write(_ entry: EventEntry, unitID: Int64) throws(SQLiteError) {
        let row = insertEvent
        row.bind(entry.sequence, at: 1)
        row.bind(unitID, at: 2)
        row.bind(Int64(entry.installation), at: 3)
        row.bind(Int64(entry.kind.rawValue), at: 4)
        row.bind(Int64(entry.cycle.cycles), at: 5)
        row.bind(entry.payloadHash.bytes, at: 6)
        row.bind(entry.receivedAt, at: 7)
        row.bind(entry.unprotected ? 1 as Int64 : 0, at: 8)
        try row.run()
    }

    /// Forgets a checkpoint that a late event made wrong.
    func dropCheckpoint(unitID: Int64) throws(SQLiteError) {
        deleteCheckpoint.bind(unitID, at: 1)
        try deleteCheckpoint.run()
    }

    // MARK: Reading

    /// What is known of a unit's events, in all installations.
    func known(_ unit: UnitIdentifier) throws(SQLiteError) -> [EventHistory.Known] {
        defer { selectOfUnit.reset() }
        selectOfUnit.bind(unit.description, at: 1)
        var known: [EventHistory.Known] = []
        while try selectOfUnit.step() {
            guard let kind = EngineEvent.Kind(rawValue: Int(selectOfUnit.int64(at: 1))),
                let cycle = CycleCount(Int32(clamping: selectOfUnit.int64(at: 2)))
            else {
                throw .damaged(
                    "an event is none", in: "events of unit \(unit)", path: database.path)
            }
            known.append(
                EventHistory.Known(
                    installation: Int32(clamping: selectOfUnit.int64(at: 0)), kind: kind,
                    cycle: cycle))
        }
        return known
    }

    /// What events say about one installation.
    func marks(
        of unit: UnitIdentifier, installation: Int32
    ) throws(SQLiteError) -> [EngineMark] {
        try known(unit).filter { $0.installation == installation }
            .map { EngineMark($0.kind, cycle: $0.cycle) }
    }

    /// The highest applied cycle of an installation, released ones included; 0 if there is none.
    func lastCycle(of unit: UnitIdentifier, installation: Int32) throws(SQLiteError) -> Int32 {
        defer { selectPreviousLast.reset() }
        selectPreviousLast.bind(unit.description, at: 1)
        selectPreviousLast.bind(Int64(installation), at: 2)
        let kept =
            try selectPreviousLast.step() ? Int32(clamping: selectPreviousLast.int64(at: 0)) : 0
        return max(kept, try released.lastCycle(of: unit, installation: installation))
    }

    /// Events after a sequence, for a page of the log.
    func page(after sequence: Int64, limit: Int) throws(SQLiteError) -> [EventEntry] {
        defer { selectPage.reset() }
        selectPage.bind(sequence, at: 1)
        selectPage.bind(limit, at: 2)
        var entries: [EventEntry] = []
        while try selectPage.step() {
            guard let unit = UnitIdentifier(selectPage.text(at: 1)),
                let kind = EngineEvent.Kind(rawValue: Int(selectPage.int64(at: 3))),
                let cycle = CycleCount(Int32(clamping: selectPage.int64(at: 4))),
                let hash = Digest(bytes: selectPage.blob(at: 5))
            else {
                throw .damaged(
                    "an event is none", in: "sequence \(selectPage.int64(at: 0))",
                    path: database.path)
            }
            entries.append(
                EventEntry(
                    sequence: selectPage.int64(at: 0), unit: unit,
                    installation: Int32(clamping: selectPage.int64(at: 2)), kind: kind,
                    cycle: cycle, payloadHash: hash, receivedAt: selectPage.int64(at: 6),
                    unprotected: selectPage.int64(at: 7) != 0))
        }
        return entries
    }

    // MARK: Shadow

    /// Units with readings among the newest 4,096.
    func newestUnits(limit: Int) throws(SQLiteError) -> [UnitIdentifier] {
        defer { selectNewestUnits.reset() }
        selectNewestUnits.bind(limit, at: 1)
        var units: [UnitIdentifier] = []
        while try selectNewestUnits.step() {
            if let unit = UnitIdentifier(selectNewestUnits.text(at: 0)) { units.append(unit) }
        }
        return units
    }

    /// The newest applied readings of a unit's installation, oldest first.
    func newest(of unit: UnitIdentifier, limit: Int) throws(SQLiteError) -> [Snapshot] {
        defer { selectNewest.reset() }
        selectNewest.bind(unit.description, at: 1)
        selectNewest.bind(limit, at: 2)
        var snapshots: [Snapshot] = []
        while try selectNewest.step() {
            guard let snapshot = Snapshot(canonicalBytes: selectNewest.blob(at: 0)) else {
                throw .damaged(
                    "a stored snapshot is none", in: "readings of unit \(unit)",
                    path: database.path)
            }
            snapshots.append(snapshot)
        }
        return snapshots.reversed()
    }
}

/// What the machine asks about engines' lives.
extension EdgeStore {
    package func events(
        of unit: UnitIdentifier, installation: Int32
    ) throws(EdgeRuntimeError) -> EventHistory {
        do throws(SQLiteError) {
            return EventHistory(
                known: try life.known(unit),
                previousLastCycle: try life.lastCycle(of: unit, installation: installation - 1))
        } catch {
            throw .store(error)
        }
    }

    package func newestUnits(limit: Int) throws(EdgeRuntimeError) -> [UnitIdentifier] {
        do throws(SQLiteError) { return try life.newestUnits(limit: limit) } catch {
            throw .store(error)
        }
    }

    /// A unit's newest readings of its installation, oldest first, and that installation's marks.
    package func newestReadings(
        of unit: UnitIdentifier, limit: Int
    ) throws(EdgeRuntimeError) -> (snapshots: [Snapshot], marks: [EngineMark]) {
        let marks = try history(of: unit, parameters: nil).marks
        do throws(SQLiteError) {
            return (try life.newest(of: unit, limit: limit), marks)
        } catch {
            throw .store(error)
        }
    }
}
