import CSQLite

/// One connection to one SQLite file, with every setting explicit.
///
/// It has one owner and is not `Sendable`: it is opened, used and closed on one thread, and
/// SQLite's own mutexes are off. It is closed by ``close()`` or when the last reference goes,
/// whichever is first; using it or one of its statements afterwards is the caller's bug and traps.
package final class Database {
    /// How to open the file.
    package enum Mode: Equatable, Sendable {
        /// Creates the file when it is missing.
        case readWriteCreate
        /// Refuses every write, and a missing file.
        case readOnly
    }

    /// The settings of a connection; none is left to SQLite's defaults.
    package struct Configuration: Equatable, Sendable {
        /// When a commit counts as done. <https://www.sqlite.org/pragma.html#pragma_synchronous>
        package enum Synchronous: Int64, Equatable, Sendable {
            /// Survives a killed process; power loss may undo the last commits.
            case normal = 1
            /// Survives power loss: each commit waits for the disk.
            case full = 2
        }

        /// When a commit counts as done.
        package var synchronous = Synchronous.full
        /// How long a call waits for another connection's lock, in milliseconds.
        package var busyTimeoutMillis: Int32 = 5_000
        /// Whether foreign keys are enforced.
        package var foreignKeys = true
        /// The write-ahead log is copied back after so many pages; 0 leaves it to `checkpoint()`.
        package var walAutocheckpointPages: Int64 = 1_000
        /// The log file is cut back to this many bytes after a checkpoint.
        package var journalSizeLimit: Int64 = 16 << 20
        /// The page cache's size in KiB.
        package var cacheKiB: Int64 = 2_048
        /// The SQLite VFS below the file, where tests put faulty disks; `nil` is the system's.
        package var vfs: String?

        /// WAL, `synchronous=FULL`, foreign keys on.
        package init() {}
    }

    /// Where the file is.
    package let path: String
    private var handle: OpaquePointer?
    /// Kept compiled because every batch runs them; finalized before the handle is closed.
    private var begins: OpaquePointer?
    private var commits: OpaquePointer?

    /// Opens the file in WAL mode and applies the settings.
    package init(
        path: String, mode: Mode, configuration: Configuration = Configuration()
    ) throws(SQLiteError) {
        self.path = path
        let access =
            switch mode {
            case .readWriteCreate: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
            case .readOnly: SQLITE_OPEN_READONLY
            }
        let flags = access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
        guard sqlite3_open_v2(path, &handle, flags, configuration.vfs) == SQLITE_OK else {
            let error = failure(sql: "open")
            sqlite3_close_v2(handle)
            handle = nil
            throw error
        }
        do throws(SQLiteError) {
            try apply(configuration, mode: mode)
        } catch {
            close()
            throw error
        }
    }

    deinit { close() }

    /// Whether ``close()`` has not been called.
    package var isOpen: Bool { handle != nil }

    /// Finalizes every statement and closes the file; a second call does nothing.
    package func close() {
        guard let open = handle else { return }
        while let statement = sqlite3_next_stmt(open, nil) { sqlite3_finalize(statement) }
        let result = sqlite3_close(open)
        precondition(result == SQLITE_OK, "closing \(path) failed with code \(result)")
        handle = nil
    }

    /// Runs SQL that returns no rows; several statements may be separated by semicolons.
    package func execute(_ sql: String) throws(SQLiteError) {
        guard sqlite3_exec(connection, sql, nil, nil, nil) == SQLITE_OK else {
            throw failure(sql: sql)
        }
    }

    /// Compiles one statement, to be kept and used many times.
    package func prepare(_ sql: String) throws(SQLiteError) -> Statement {
        Statement(try compile(sql), of: self)
    }

    private func compile(_ sql: String) throws(SQLiteError) -> OpaquePointer {
        var compiled: OpaquePointer?
        let flags = UInt32(SQLITE_PREPARE_PERSISTENT)
        guard sqlite3_prepare_v3(connection, sql, -1, flags, &compiled, nil) == SQLITE_OK,
            let compiled
        else { throw failure(sql: sql) }
        return compiled
    }

    /// The first column of the first row as an integer; `nil` without a row or for NULL.
    package func scalar(_ sql: String) throws(SQLiteError) -> Int64? {
        let statement = try prepare(sql)
        guard try statement.step(), !statement.isNull(at: 0) else { return nil }
        return statement.int64(at: 0)
    }

    /// The row identifier of the last successful INSERT on this connection.
    package var lastInsertRowID: Int64 { sqlite3_last_insert_rowid(connection) }

    /// The rows that the last INSERT, UPDATE or DELETE changed.
    package var changes: Int64 { sqlite3_changes64(connection) }

    /// The number that the schema's owner keeps in the file's header.
    package func userVersion() throws(SQLiteError) -> Int64 {
        try scalar("PRAGMA user_version") ?? 0
    }

    /// Stores the schema's number; part of the open transaction, if there is one.
    package func setUserVersion(_ version: Int32) throws(SQLiteError) {
        try execute("PRAGMA user_version = \(version)")
    }

    /// What `PRAGMA quick_check` found wrong, at most `limit` lines; empty for a sound file.
    package func quickCheck(limit: Int32 = 20) throws(SQLiteError) -> [String] {
        let statement = try prepare("PRAGMA quick_check(\(limit))")
        var findings: [String] = []
        while try statement.step() { findings.append(statement.text(at: 0)) }
        return findings == ["ok"] ? [] : findings
    }

    /// Copies the write-ahead log into the database and cuts it to zero bytes.
    ///
    /// - Returns: Whether all of it was copied; `false` when a reader stood in the way.
    package func checkpoint() throws(SQLiteError) -> Bool {
        let result = sqlite3_wal_checkpoint_v2(
            connection, nil, SQLITE_CHECKPOINT_TRUNCATE, nil, nil)
        if result & 0xFF == SQLITE_BUSY { return false }
        guard result == SQLITE_OK else { throw failure(sql: "checkpoint") }
        return true
    }

    /// The open handle.
    /// - Precondition: ``close()`` has not been called.
    private var connection: OpaquePointer {
        guard let handle else { preconditionFailure("\(path) is used after it was closed") }
        return handle
    }

    /// The error of the call that failed last.
    func failure(sql: String) -> SQLiteError {
        .failed(
            code: sqlite3_errcode(handle) & 0xFF, extendedCode: sqlite3_extended_errcode(handle),
            message: String(cString: sqlite3_errmsg(handle)), sql: sql, path: path)
    }

    // MARK: Transactions

    /// Runs `body` in one transaction: all of it is committed, or nothing is.
    package func transaction<Result>(
        _ body: () throws(SQLiteError) -> Result
    ) throws(SQLiteError) -> Result {
        try begin()
        do throws(SQLiteError) {
            let result = try body()
            try commit()
            return result
        } catch {
            rollBack()
            throw error
        }
    }

    /// Opens a transaction and takes the write lock at once (`BEGIN IMMEDIATE`).
    /// - Precondition: No transaction is open.
    package func begin() throws(SQLiteError) {
        precondition(!isInTransaction, "\(path) has a transaction open")
        if begins == nil { begins = try compile("BEGIN IMMEDIATE") }
        try run(begins, "BEGIN IMMEDIATE")
    }

    /// Commits; with `synchronous=FULL` the rows are on disk when this returns.
    ///
    /// After an error the transaction may still be open: call ``rollBack()``.
    /// - Precondition: A transaction is open.
    package func commit() throws(SQLiteError) {
        precondition(isInTransaction, "\(path) has no transaction to commit")
        if commits == nil { commits = try compile("COMMIT") }
        try run(commits, "COMMIT")
    }

    /// Undoes the open transaction; does nothing when SQLite has already done so.
    package func rollBack() {
        guard isInTransaction else { return }
        sqlite3_exec(connection, "ROLLBACK", nil, nil, nil)
    }

    /// Whether a transaction is open.
    package var isInTransaction: Bool { sqlite3_get_autocommit(connection) == 0 }

    private func run(_ compiled: OpaquePointer?, _ sql: String) throws(SQLiteError) {
        let result = sqlite3_step(compiled)
        guard result == SQLITE_DONE else {
            let error = failure(sql: sql)
            sqlite3_reset(compiled)
            throw error
        }
        sqlite3_reset(compiled)
    }

    // MARK: Settings

    private func apply(_ configuration: Configuration, mode: Mode) throws(SQLiteError) {
        guard sqlite3_busy_timeout(connection, configuration.busyTimeoutMillis) == SQLITE_OK
        else { throw failure(sql: "busy_timeout") }
        try set("foreign_keys", to: configuration.foreignKeys ? 1 : 0)
        try set("cache_size", to: -configuration.cacheKiB)
        guard mode == .readWriteCreate else { return }
        let statement = try prepare("PRAGMA journal_mode = WAL")
        let journalMode = try statement.step() ? statement.text(at: 0) : "nothing"
        statement.reset()
        guard journalMode == "wal" else {
            throw .settingRefused(
                pragma: "journal_mode", asked: "wal", got: journalMode, path: path)
        }
        try set("synchronous", to: configuration.synchronous.rawValue)
        try set("wal_autocheckpoint", to: configuration.walAutocheckpointPages)
        try set("journal_size_limit", to: configuration.journalSizeLimit)
    }

    /// Sets a pragma and reads it back, because SQLite ignores what it does not take.
    private func set(_ pragma: String, to value: Int64) throws(SQLiteError) {
        try execute("PRAGMA \(pragma) = \(value)")
        let got = try scalar("PRAGMA \(pragma)")
        guard got == value else {
            throw .settingRefused(
                pragma: pragma, asked: "\(value)", got: got.map { "\($0)" } ?? "nothing",
                path: path)
        }
    }
}
