package import EdgeCore
import EdgeProtocol
package import Prognostics
import SQLite

/// The tables that hold offers, blocks, slots and refusals.
package final class ModelStore {
    private let database: Database
    private let counterFile: CounterFile
    /// A counter that was accepted and is not in its file yet.
    private var unwrittenCounter: Int64?
    private let insertBlock: Statement
    private let selectBlocks: Statement

    init(_ database: Database) throws(SQLiteError) {
        self.database = database
        counterFile = CounterFile(folder: StoreFiles(path: database.path).folder)
        insertBlock = try database.prepare(
            "INSERT OR REPLACE INTO blocks (bundle, block, bytes) VALUES (?, ?, ?)")
        selectBlocks = try database.prepare(
            "SELECT bytes FROM blocks WHERE bundle = ? ORDER BY block")
    }

    /// What the machine resumes from.
    package func shelf() throws(EdgeRuntimeError) -> ModelShelf {
        var shelf = ModelShelf()
        do throws(SQLiteError) {
            let offer = try database.prepare("SELECT counter, signed FROM offers WHERE id = 1")
            if try offer.step() {
                shelf.accepted = try? SignedOffer(bytes: offer.blob(at: 1))
                let signed = (try? shelf.accepted?.decode())?.counter
                // A flipped bit in one of three places neither raises the counter nor lowers it.
                shelf.counter = min(offer.int64(at: 0), signed ?? Int64.max)
            }
            shelf.counter = max(shelf.counter, counterFile.read())
            shelf.active = try slot("active")
            shelf.fallback = try slot("fallback")
            let blocks = try database.prepare("SELECT bundle, block, length(bytes) FROM blocks")
            while try blocks.step() {
                guard let bundle = Digest(bytes: blocks.blob(at: 0)) else { continue }
                shelf.blocks[bundle, default: [:]][Int(blocks.int64(at: 1))] =
                    Int(blocks.int64(at: 2))
            }
            let refusals = try database.prepare(
                "SELECT bundle, counter, reason, held FROM refusals")
            while try refusals.step() {
                guard let bundle = Digest(bytes: refusals.blob(at: 0)) else { continue }
                shelf.refusals.append(
                    ModelShelf.Refusal(
                        bundle: bundle, counter: refusals.int64(at: 1),
                        reason: refusals.text(at: 2), isHeld: refusals.int64(at: 3) != 0))
            }
            let trials = try database.prepare("SELECT bundle, starts FROM trials")
            while try trials.step() {
                guard let bundle = Digest(bytes: trials.blob(at: 0)) else { continue }
                shelf.trials[bundle] = Int(trials.int64(at: 1))
            }
        } catch {
            throw .store(error)
        }
        return shelf
    }

    /// The stored bytes of a bundle, complete or not.
    package func bundle(_ digest: Digest) throws(EdgeRuntimeError) -> [UInt8] {
        do throws(SQLiteError) {
            defer { selectBlocks.reset() }
            selectBlocks.bind(digest.bytes, at: 1)
            var bytes: [UInt8] = []
            while try selectBlocks.step() { bytes += selectBlocks.blob(at: 0) }
            return bytes
        } catch {
            throw .store(error)
        }
    }

    /// Writes the counter's second copy again if it lags behind the offer: a crash came between.
    package func repairCounter() throws(EdgeRuntimeError) {
        let counter = try shelf().counter
        if counterFile.read() < counter { try counterFile.write(counter) }
    }

    /// Applies one change in one synced transaction; an accepted counter is then on disk twice.
    package func apply(_ change: ModelChange) throws(EdgeRuntimeError) {
        try write(change)
        if case .accept(_, _, let counter) = change { unwrittenCounter = counter }
        guard let counter = unwrittenCounter else { return }
        if counterFile.read() < counter { try counterFile.write(counter) }
        unwrittenCounter = nil
    }

    private func write(_ change: ModelChange) throws(EdgeRuntimeError) {
        do throws(SQLiteError) {
            try database.transaction { () throws(SQLiteError) in
                switch change {
                case .accept(let offer, let bundle, let counter):
                    try accept(offer, bundle, counter)
                case .storeBlock(let bundle, let index, let bytes):
                    insertBlock.bind(bundle.bytes, at: 1)
                    insertBlock.bind(index, at: 2)
                    insertBlock.bind(bytes, at: 3)
                    try insertBlock.run()
                case .activate(let bundle): try activate(bundle)
                case .refuse(let bundle, let counter, let reason):
                    try refuse(bundle, counter, reason, isHeld: false)
                    try database.execute("DELETE FROM slots WHERE name = 'candidate'")
                    try deleteUnslotted()
                case .hold(let bundle, let counter, let reason):
                    try refuse(bundle, counter, reason, isHeld: true)
                case .rollBack(let bundle, let counter, let reason):
                    try refuse(bundle, counter, reason, isHeld: false)
                    try drop(bundle)
                case .discard(let bundle):
                    try drop(bundle)
                    try run("DELETE FROM blocks WHERE bundle = ?", bundle)
                case .setStarts(let bundle, let starts): try setStarts(bundle, starts)
                case .endTrial(let bundle):
                    try run("DELETE FROM trials WHERE bundle = ?", bundle)
                }
            }
        } catch {
            throw .store(error)
        }
    }

    private func accept(
        _ offer: SignedOffer, _ bundle: Digest, _ counter: Int64
    ) throws(SQLiteError) {
        let insert = try database.prepare(
            "INSERT OR REPLACE INTO offers (id, counter, signed) VALUES (1, ?, ?)")
        insert.bind(counter, at: 1)
        insert.bind(offer.bytes, at: 2)
        try insert.run()
        // A lower counter is refused as such from now on.
        let delete = try database.prepare("DELETE FROM refusals WHERE counter < ?")
        delete.bind(counter, at: 1)
        try delete.run()
        try run("INSERT OR REPLACE INTO slots VALUES ('candidate', ?)", bundle)
        try deleteUnslotted()
    }

    private func activate(_ bundle: Digest) throws(SQLiteError) {
        if try slot("active") != bundle {
            try database.execute(
                """
                DELETE FROM slots WHERE name = 'fallback';
                UPDATE slots SET name = 'fallback' WHERE name = 'active';
                """)
            try run("INSERT INTO slots VALUES ('active', ?)", bundle)
        }
        try database.execute(
            """
            DELETE FROM slots WHERE name = 'candidate';
            DELETE FROM trials;
            """)
        try setStarts(bundle, 0)
        try deleteUnslotted()
    }

    private func refuse(
        _ bundle: Digest, _ counter: Int64, _ reason: String, isHeld: Bool
    ) throws(SQLiteError) {
        let insert = try database.prepare(
            "INSERT OR REPLACE INTO refusals (bundle, counter, reason, held) VALUES (?, ?, ?, ?)")
        insert.bind(bundle.bytes, at: 1)
        insert.bind(counter, at: 2)
        insert.bind(reason, at: 3)
        insert.bind(isHeld ? 1 as Int64 : 0, at: 4)
        try insert.run()
        try run("DELETE FROM trials WHERE bundle = ?", bundle)
    }

    /// Takes a bundle out of its slot; the fallback takes the active one's place.
    private func drop(_ bundle: Digest) throws(SQLiteError) {
        let wasActive = try slot("active") == bundle
        try run("DELETE FROM slots WHERE bundle = ? AND name <> 'candidate'", bundle)
        if wasActive {
            try database.execute("UPDATE slots SET name = 'active' WHERE name = 'fallback'")
        }
        try deleteUnslotted()
    }

    private func setStarts(_ bundle: Digest, _ starts: Int) throws(SQLiteError) {
        let insert = try database.prepare(
            "INSERT OR REPLACE INTO trials (bundle, starts) VALUES (?, ?)")
        insert.bind(bundle.bytes, at: 1)
        insert.bind(starts, at: 2)
        try insert.run()
    }

    private func deleteUnslotted() throws(SQLiteError) {
        try database.execute(
            """
            DELETE FROM blocks WHERE bundle NOT IN (SELECT bundle FROM slots);
            DELETE FROM trials WHERE bundle NOT IN (SELECT bundle FROM slots);
            """)
    }

    private func slot(_ name: String) throws(SQLiteError) -> Digest? {
        let select = try database.prepare("SELECT bundle FROM slots WHERE name = ?")
        select.bind(name, at: 1)
        guard try select.step() else { return nil }
        return Digest(bytes: select.blob(at: 0))
    }

    private func run(_ sql: String, _ bundle: Digest) throws(SQLiteError) {
        let statement = try database.prepare(sql)
        statement.bind(bundle.bytes, at: 1)
        try statement.run()
    }
}
