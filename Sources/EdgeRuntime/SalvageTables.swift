import EdgeProtocol
import Prognostics
import SQLite

/// The tables that are copied as they are: what is false in them is found when it is used.
extension Salvage {
    /// What released readings left behind, so that their repeats stay known.
    func copyReleased() throws(SQLiteError) {
        var table = DamagedTable(
            """
            SELECT rowid, unit_id, installation, cycles, first_hash, newest
            FROM released NOT INDEXED WHERE rowid >= ?1 ORDER BY rowid
            """, in: source)
        guard table != nil else { return try copyReleasedRows() }
        let rows = table?.all { row -> (UnitIdentifier, Int64, ReleasedCycles)? in
            guard let name = names[row.int64(at: 1)],
                let cycles = ReleasedCycles(row, from: 3)
            else { return nil }
            return (name, row.int64(at: 2), cycles)
        }
        for (name, installation, cycles) in rows ?? [] {
            try write(cycles, of: name, installation)
        }
    }

    /// The same from a file from before version 4, which has a row for each reading.
    private func copyReleasedRows() throws(SQLiteError) {
        for (id, name) in names.sorted(by: { $0.key < $1.key }) {
            // One number of cycle and installation, in the order of the table's own key.
            var table = DamagedTable(
                """
                SELECT cycle << 20 | installation, cycle, installation, payload_hash FROM released
                WHERE unit_id = \(id) AND (cycle, installation) >= (?1 >> 20, ?1 & 1048575)
                ORDER BY cycle, installation
                """, in: source)
            let rows = table?.all { row -> (CycleCount, Int64, Digest)? in
                guard let cycle = CycleCount(Int32(clamping: row.int64(at: 1))),
                    let hash = Digest(bytes: row.blob(at: 3))
                else { return nil }
                return (cycle, row.int64(at: 2), hash)
            }
            var lives: [Int64: ReleasedCycles] = [:]
            for (cycle, installation, hash) in rows ?? [] {
                lives[installation, default: ReleasedCycles()].insert(cycle, hash: hash)
            }
            for (installation, cycles) in lives { try write(cycles, of: name, installation) }
        }
    }

    private func write(
        _ cycles: ReleasedCycles, of name: UnitIdentifier, _ installation: Int64
    ) throws(SQLiteError) {
        let select = try target.database.prepare("SELECT unit_id FROM units WHERE name = ?")
        select.bind(name.description, at: 1)
        guard try select.step() else { return }
        let unitID = select.int64(at: 0)
        select.reset()
        try target.released.write(unitID: unitID, installation: installation, cycles)
    }

    /// Events, which say what a unit's installations mean.
    func copyEvents() throws(SQLiteError) {
        let insert = try target.database.prepare(
            """
            INSERT OR IGNORE INTO events (sequence, unit_id, installation, kind, cycle,
              payload_hash, received_at, unprotected)
            SELECT ?2, unit_id, ?3, ?4, ?5, ?6, ?7, ?8 FROM units WHERE name = ?1
            """)
        var table = DamagedTable(
            """
            SELECT sequence, unit_id, installation, kind, cycle, payload_hash, received_at,
              unprotected
            FROM events NOT INDEXED WHERE sequence >= ?1 ORDER BY sequence
            """, in: source)
        let rows = table?.all { row -> [SQLiteValue]? in
            guard let name = names[row.int64(at: 1)], Digest(bytes: row.blob(at: 5)) != nil,
                EngineEvent.Kind(rawValue: Int(row.int64(at: 3))) != nil
            else { return nil }
            return [.text(name.description)] + [0, 2, 3, 4, 5, 6, 7].map { row.value(at: $0) }
        }
        for row in rows ?? [] {
            for (index, value) in row.enumerated() { insert.bind(value, at: Int32(index) + 1) }
            try insert.run()
        }
    }

    /// Offer, slots, blocks and refusals; a bundle is verified again before it serves.
    func copyModels() throws(SQLiteError) {
        try copy("offers", ["counter", "signed"], key: "id")
        try copy("slots", ["name", "bundle"], key: "rowid")
        try copy("blocks", ["bundle", "block", "bytes"], key: "rowid")
        try copy("refusals", ["bundle", "counter", "reason", "held"], key: "rowid")
        // A file from before version 3 has no word on held ones; what is there already stays.
        try copy("refusals", ["bundle", "counter", "reason"], key: "rowid")
        try copy("trials", ["bundle", "starts"], key: "rowid")
    }

    /// Cursors, releases, growth and earlier damage.
    ///
    /// The pulled cursor counts in the old store's name, so the new one starts at 0.
    func copyProgress() throws(SQLiteError) {
        let update = try target.database.prepare(
            """
            UPDATE progress SET published_through = ?1, last_sequence = max(last_sequence, ?2),
              released = ?3, released_unpulled = ?4, quarantine_released = ?5, has_session = ?6,
              sessions_lost = ?7, session_lost_at = ?8
            WHERE id = 1
            """)
        let last = max(
            lastSequence, scalar("SELECT last_sequence FROM progress WHERE id = 1") ?? 0)
        let published = scalar("SELECT published_through FROM progress WHERE id = 1") ?? 0
        update.bind(max(0, min(published, last)), at: 1)
        update.bind(last, at: 2)
        let columns = [
            "released", "released_unpulled", "quarantine_released", "has_session", "sessions_lost",
            "session_lost_at",
        ]
        for (index, column) in columns.enumerated() {
            let count = scalar("SELECT \(column) FROM progress WHERE id = 1") ?? 0
            update.bind(max(0, count), at: Int32(index) + 3)
        }
        try update.run()
        try copy("growth", ["readings"], key: "day")
        try copy("salvages", ["set_aside", "reason", "at", "readings", "lost"], key: "id")
    }

    /// Copies rows column by column; one that breaks a rule of the new table is left out.
    private func copy(_ table: String, _ columns: [String], key: String) throws(SQLiteError) {
        let list = columns.joined(separator: ", ")
        let places = columns.map { _ in "?" }.joined(separator: ", ")
        let insert = try target.database.prepare(
            "INSERT OR IGNORE INTO \(table) (\(key), \(list)) VALUES (?, \(places))")
        var damaged = DamagedTable(
            "SELECT \(key), \(list) FROM \(table) NOT INDEXED WHERE \(key) >= ?1 ORDER BY \(key)",
            in: source)
        let width = Int32(columns.count)
        while true {
            let rows = damaged?.chunk(16) { row in (0...width).map { row.value(at: $0) } }
            guard let rows, !rows.isEmpty else { return }
            for row in rows {
                for (index, value) in row.enumerated() { insert.bind(value, at: Int32(index) + 1) }
                do throws(SQLiteError) { try insert.run() } catch {
                    guard error.isConstraint else { throw error }
                }
            }
        }
    }
}
