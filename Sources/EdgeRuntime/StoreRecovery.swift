import EdgeProtocol
import SQLite

/// Opens the device store whatever state its file is in.
///
/// A damaged file is neither deleted nor a reason to refuse: it is set aside, what can be read goes
/// into a new store of another name, and health says DEGRADED until the file is moved away.
package enum StoreRecovery {
    /// Opens the store, or creates it; salvages a damaged one first.
    ///
    /// After a crash the whole file is checked, at the price of reading it once.
    /// `newStoreID` names a store that has to be made; `nowMillis` since 1970 dates a salvage.
    package static func open(
        path: String, newStoreID: String, nowMillis: Int64
    ) throws(EdgeRuntimeError) -> EdgeStore {
        try StoreFiles(path: path).resume()
        do throws(EdgeRuntimeError) {
            return try openChecked(path: path, newStoreID: newStoreID)
        } catch {
            guard error.isDamage else { throw error }
            try salvage(
                path: path, newStoreID: newStoreID, reason: error.description,
                nowMillis: nowMillis)
            return try EdgeStore.open(path: path, newStoreID: newStoreID)
        }
    }

    /// A log beside the database means that nobody closed it: a crash, or a power cut.
    private static func openChecked(
        path: String, newStoreID: String
    ) throws(EdgeRuntimeError) -> EdgeStore {
        let isUnclean = Files.size(path + "-wal") > 0
        let store = try EdgeStore.open(path: path, newStoreID: newStoreID)
        if isUnclean, let damage = try store.firstDamage() {
            throw .store(.damaged(damage, in: "quick_check", path: path))
        }
        _ = try store.restore()
        return store
    }

    /// Sets a damaged store aside and puts a new one in its place, with all that can be read.
    /// - Precondition: No connection to the store is open.
    package static func salvage(
        path: String, newStoreID: String, reason: String, nowMillis: Int64
    ) throws(EdgeRuntimeError) {
        let files = StoreFiles(path: path)
        let setAside = try files.nextSetAside()
        try files.removeUnfinished()
        let target = try EdgeStore.open(path: files.salvaging, newStoreID: newStoreID)
        do throws(SQLiteError) {
            // Nothing can be read of a file whose first page is gone: the new store stays empty.
            let source = try? Database(path: path, mode: .readOnly)
            var salvage = Salvage(from: source, to: target)
            let (readings, lost) = try salvage.run()
            let insert = try target.database.prepare(
                """
                INSERT INTO salvages (set_aside, reason, at, readings, lost)
                VALUES (?, ?, ?, ?, ?)
                """)
            insert.bind(String(setAside.dropFirst(files.folder.count + 1)), at: 1)
            insert.bind(String(reason.prefix(500)), at: 2)
            insert.bind(nowMillis, at: 3)
            insert.bind(readings, at: 4)
            if let lost { insert.bind(lost, at: 5) } else { insert.bindNull(at: 5) }
            try insert.run()
            source?.close()
            _ = try target.database.checkpoint()
        } catch {
            throw .store(error)
        }
        target.close()
        try Files.move(files.salvaging, to: files.salvaged)
        try files.removeUnfinished()
        try Files.syncFolder(files.folder)
        try files.replaceDamaged()
    }
}
