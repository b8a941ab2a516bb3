package import EdgeCore
package import Prognostics
package import SQLite

/// Remembers released readings: per unit no more than a few kilobytes, however long it flies.
///
/// Of the running installation and the one before every cycle stays known; of earlier ones only
/// cycle 1, which begins a life, and of those only the newest.
package final class ReleasedStore {
    /// Installations of a unit that are remembered at all.
    private static let installationCountMax: Int64 = 256

    /// The readings of a slice, each with the installation that its unit has now.
    ///
    /// Left to itself SQLite walks the whole index over keys, which has this order, for each slice.
    package static let releasing = """
        SELECT readings.unit_id, readings.installation, cycle, payload_hash, units.installation
        FROM readings NOT INDEXED CROSS JOIN units ON units.unit_id = readings.unit_id
        WHERE sequence <= ? ORDER BY readings.unit_id, readings.installation, cycle
        """

    private let database: Database
    private let selectReleasing: Statement
    private let selectOne: Statement
    private let selectCycles: Statement
    private let upsert: Statement
    private let dropOld: Statement
    private let stripOld: Statement

    init(_ database: Database) throws(SQLiteError) {
        self.database = database
        selectReleasing = try database.prepare(Self.releasing)
        selectOne = try database.prepare(
            """
            SELECT cycles, first_hash, newest FROM released
            WHERE unit_id = ? AND installation = ?
            """)
        // Only cycle 1 is known of installations from before the last two.
        selectCycles = try database.prepare(
            """
            SELECT cycles, first_hash, newest, installation FROM released
            WHERE unit_id = (SELECT unit_id FROM units WHERE name = ?1)
              AND (?2 = 1 OR length(cycles) > 0)
            """)
        upsert = try database.prepare(
            """
            INSERT INTO released (unit_id, installation, cycles, first_hash, newest)
            VALUES (?1, ?2, ?3, ?4, ?5)
            ON CONFLICT (unit_id, installation) DO UPDATE SET cycles = ?3, first_hash = ?4,
              newest = ?5
            """)
        dropOld = try database.prepare(
            """
            DELETE FROM released WHERE unit_id = ?1 AND (installation <= ?2 - ?3
              OR (installation < ?2 - 1 AND first_hash IS NULL))
            """)
        stripOld = try database.prepare(
            """
            UPDATE released SET cycles = x'', newest = x''
            WHERE unit_id = ?1 AND installation < ?2 - 1 AND length(cycles) > 0
            """)
    }

    // MARK: Within a release

    /// A unit and one of its installations.
    private struct Life: Hashable {
        let unitID: Int64
        let installation: Int64
    }

    /// Remembers the readings up to a sequence, which are about to be deleted.
    package func remember(through sequence: Int64) throws(SQLiteError) {
        var lives: [(life: Life, cycles: ReleasedCycles)] = []
        var running: [Int64: Int64] = [:]
        selectReleasing.bind(sequence, at: 1)
        defer { selectReleasing.reset() }
        while try selectReleasing.step() {
            let row = selectReleasing
            let life = Life(unitID: row.int64(at: 0), installation: row.int64(at: 1))
            guard let cycle = CycleCount(Int32(clamping: row.int64(at: 2))),
                let hash = Digest(bytes: row.blob(at: 3))
            else { throw damage("a cycle or hash is none", unitID: life.unitID) }
            running[life.unitID] = row.int64(at: 4)
            if lives.last?.life != life { lives.append((life, try cycles(of: life))) }
            lives[lives.count - 1].cycles.insert(cycle, hash: hash)
        }
        for (life, cycles) in lives {
            try write(unitID: life.unitID, installation: life.installation, cycles)
        }
        for (unitID, installation) in running where installation > 2 {
            try forget(unitID: unitID, running: installation)
        }
    }

    private func cycles(of life: Life) throws(SQLiteError) -> ReleasedCycles {
        selectOne.bind(life.unitID, at: 1)
        selectOne.bind(life.installation, at: 2)
        defer { selectOne.reset() }
        guard try selectOne.step() else { return ReleasedCycles() }
        guard let cycles = ReleasedCycles(selectOne) else {
            throw damage("released cycles are none", unitID: life.unitID)
        }
        return cycles
    }

    /// Writes what is known of one installation.
    func write(
        unitID: Int64, installation: Int64, _ cycles: ReleasedCycles
    ) throws(SQLiteError) {
        upsert.bind(unitID, at: 1)
        upsert.bind(installation, at: 2)
        upsert.bind(cycles.bits, at: 3)
        if let first = cycles.first {
            upsert.bind(first.bytes, at: 4)
        } else {
            upsert.bindNull(at: 4)
        }
        upsert.bind(cycles.newestBytes, at: 5)
        try upsert.run()
    }

    private func forget(unitID: Int64, running: Int64) throws(SQLiteError) {
        for statement in [dropOld, stripOld] {
            statement.bind(unitID, at: 1)
            statement.bind(running, at: 2)
        }
        dropOld.bind(Self.installationCountMax, at: 3)
        try dropOld.run()
        try stripOld.run()
    }

    // MARK: Reading

    /// The installations of a unit that released a reading of this cycle.
    package func known(_ unit: UnitIdentifier, cycle: Int32) throws(SQLiteError) -> [KnownReading] {
        var known: [KnownReading] = []
        try each(of: unit, cycle: cycle) { installation, cycles in
            guard cycles.contains(cycle) || (cycle == 1 && cycles.first != nil) else { return }
            known.append(
                KnownReading(installation: installation, payloadHash: cycles.hash(of: cycle)))
        }
        return known
    }

    /// The highest released cycle of an installation that is remembered; 0 if there is none.
    package func lastCycle(of unit: UnitIdentifier, installation: Int32) throws(SQLiteError)
        -> Int32
    {
        var highest: Int32 = 0
        try each(of: unit, cycle: 0) { if $0 == installation { highest = $1.highest } }
        return highest
    }

    private func each(
        of unit: UnitIdentifier, cycle: Int32, _ body: (Int32, ReleasedCycles) -> Void
    ) throws(SQLiteError) {
        selectCycles.bind(unit.description, at: 1)
        selectCycles.bind(Int64(cycle), at: 2)
        defer { selectCycles.reset() }
        while try selectCycles.step() {
            guard let cycles = ReleasedCycles(selectCycles) else {
                throw .damaged(
                    "released cycles are none", in: "released of unit \(unit)",
                    path: database.path)
            }
            body(Int32(clamping: selectCycles.int64(at: 3)), cycles)
        }
    }

    private func damage(_ what: String, unitID: Int64) -> SQLiteError {
        .damaged(what, in: "readings of unit number \(unitID)", path: database.path)
    }

    // MARK: Earlier releases

    /// Takes over the keys and hashes that version 3 kept for each reading, one row each.
    static func takeOverRows(_ database: Database) throws(SQLiteError) {
        let store = try ReleasedStore(database)
        let select = try database.prepare(
            """
            SELECT released_rows.unit_id, released_rows.installation, cycle, payload_hash,
              units.installation
            FROM released_rows JOIN units USING (unit_id)
            ORDER BY released_rows.unit_id, released_rows.installation, cycle
            """)
        var open: (life: Life, running: Int64, cycles: ReleasedCycles)?
        func close() throws(SQLiteError) {
            guard let open else { return }
            try store.write(
                unitID: open.life.unitID, installation: open.life.installation, open.cycles)
            try store.forget(unitID: open.life.unitID, running: open.running)
        }
        while try select.step() {
            let life = Life(unitID: select.int64(at: 0), installation: select.int64(at: 1))
            if open?.life != life {
                try close()
                open = (life, select.int64(at: 4), ReleasedCycles())
            }
            guard let cycle = CycleCount(Int32(clamping: select.int64(at: 2))),
                let hash = Digest(bytes: select.blob(at: 3))
            else { throw store.damage("a cycle or hash is none", unitID: life.unitID) }
            open?.cycles.insert(cycle, hash: hash)
        }
        try close()
    }
}

extension ReleasedCycles {
    /// Decodes a row that begins with cycles, first_hash and newest; `nil` if it holds none.
    init?(_ row: Statement, from first: Int32 = 0) {
        let hash = row.blob(at: first + 1)
        guard hash.isEmpty || hash.count == Digest.size else { return nil }
        self.init(
            bits: row.blob(at: first), first: Digest(bytes: hash),
            newestBytes: row.blob(at: first + 2))
    }
}
