import CSQLite

/// A call that SQLite refused, or a setting that it did not take.
///
/// Result codes: <https://www.sqlite.org/rescode.html>.
package enum SQLiteError: Error, Equatable {
    /// A call failed; `code` is the primary and `extendedCode` the extended result code.
    case failed(code: Int32, extendedCode: Int32, message: String, sql: String, path: String)
    /// A pragma kept another value than the one asked for.
    case settingRefused(pragma: String, asked: String, got: String, path: String)
}

extension SQLiteError {
    /// The primary result code, `nil` for a refused setting.
    package var code: Int32? {
        if case .failed(let code, _, _, _, _) = self { code } else { nil }
    }

    /// Whether no space is left for the database or its log.
    ///
    /// The shared-memory file of a database in WAL mode cannot grow on a full disk, which SQLite
    /// reports as `SQLITE_IOERR_SHMSIZE`. An `ENOSPC` inside a sync may be another I/O error.
    package var isFull: Bool {
        guard case .failed(let code, let extendedCode, _, _, _) = self else { return false }
        return code == SQLITE_FULL || extendedCode == Self.sharedMemorySize
    }

    /// `SQLITE_IOERR_SHMSIZE`, a macro that Swift cannot import.
    private static let sharedMemorySize = SQLITE_IOERR | 19 << 8

    /// A row that does not hold what its writer writes: damage that SQLite itself cannot see.
    package static func damaged(_ what: String, in place: String, path: String) -> Self {
        .failed(
            code: SQLITE_CORRUPT, extendedCode: SQLITE_CORRUPT, message: what, sql: place,
            path: path)
    }

    /// A write that its owner refuses because the space allotted to it is used up.
    package static func full(_ what: String, path: String) -> Self {
        .failed(
            code: SQLITE_FULL, extendedCode: SQLITE_FULL, message: what, sql: "COMMIT", path: path)
    }

    /// Whether the file's content is damaged, or is no database at all.
    package var isCorruption: Bool { code == SQLITE_CORRUPT || code == SQLITE_NOTADB }

    /// Whether a page cannot be read, or a statement does not fit the schema that was.
    package var isUnreadable: Bool {
        guard case .failed(let code, let extendedCode, _, _, _) = self else { return false }
        return code == SQLITE_ERROR || extendedCode == Self.read || extendedCode == Self.shortRead
    }

    /// `SQLITE_IOERR_READ`, a macro that Swift cannot import.
    private static let read = SQLITE_IOERR | 1 << 8
    /// `SQLITE_IOERR_SHORT_READ`, a macro that Swift cannot import.
    private static let shortRead = SQLITE_IOERR | 2 << 8

    /// Whether another connection holds the lock longer than the busy timeout.
    package var isBusy: Bool { code == SQLITE_BUSY }

    /// Whether a row was refused by a UNIQUE, CHECK, NOT NULL or foreign key rule.
    package var isConstraint: Bool { code == SQLITE_CONSTRAINT }
}

extension SQLiteError: CustomStringConvertible {
    /// What was seen, then the operator's next step.
    package var description: String {
        switch self {
        case .failed(let code, let extendedCode, let message, let sql, let path):
            "The database \(path) refused \(Self.shortened(sql)): \(message) "
                + "(SQLite result code \(extendedCode)). \(Self.advice(code: code))"
        case .settingRefused(let pragma, let asked, let got, let path):
            "The database \(path) keeps \(pragma) at \(got), asked for \(asked). "
                + "Put it on a local file system that supports shared memory and locks."
        }
    }

    /// The first 200 characters of a statement, quoted; a longer one is cut.
    private static func shortened(_ sql: String) -> String {
        sql.count <= 200 ? "\"\(sql)\"" : "\"\(sql.prefix(200))…\""
    }

    private static func advice(code: Int32) -> String {
        switch code {
        case SQLITE_FULL: "Free space on its disk, or lower the configured quota."
        case SQLITE_BUSY, SQLITE_LOCKED: "Stop the other process that has it open, or try again."
        case SQLITE_CORRUPT: "Move the file and its -wal aside and restore or salvage it."
        case SQLITE_NOTADB: "Check the path: the file is not an SQLite database."
        case SQLITE_CANTOPEN: "Check that its folder exists and that this user may write there."
        case SQLITE_IOERR: "Check the disk's health, its free space and the kernel log."
        case SQLITE_READONLY, SQLITE_PERM: "Give this user write access to the file and its folder."
        case SQLITE_CONSTRAINT: "The row breaks a rule of its table; nothing was written."
        case SQLITE_TOOBIG: "Store a smaller value."
        default: "Report this with the message above; nothing was written."
        }
    }
}
