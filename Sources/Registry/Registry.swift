import SQLite

/// What the back office remembers between nights, in one SQLite file.
///
/// Every change is one transaction. Times come in as arguments, in milliseconds since 1970; they
/// stay in here and never reach a bundle or a report. Histories are append-only: triggers refuse
/// every other change.
package final class Registry {
    /// What a caller does with the registry, and whether it must be there already.
    package enum Access: Equatable, Sendable {
        /// Looks only, and writes nothing; a run in progress is not disturbed.
        case look
        /// Changes what exists.
        case change
        /// Changes, and creates what is missing.
        case create
        /// Changes claims and their runs only, beside whoever changes the rest.
        case share
    }

    /// The schema that this program writes.
    package static let schemaVersion = Int32(2 + upgrades.count)
    /// The schema that the file has; older than ours for a look only.
    let version: Int64
    private let database: Database

    /// Opens the registry; only to create it may its file be missing or of no length.
    package init(path: String, access: Access = .create) throws(RegistryError) {
        if access != .create { try Self.checkExists(path) }
        let database = try wrapped { () throws(SQLiteError) in
            try Database(path: path, mode: access == .look ? .readOnly : .readWriteCreate)
        }
        let version = try wrapped { () throws(SQLiteError) in try database.userVersion() }
        guard version <= Int64(Self.schemaVersion) else {
            throw .newerSchema(path: path, version: version, known: Int64(Self.schemaVersion))
        }
        self.database = database
        let isOld = version < Int64(Self.schemaVersion)
        self.version = access == .look ? version : Int64(Self.schemaVersion)
        if access != .look, isOld { try upgrade() }
    }

    private func upgrade() throws(RegistryError) {
        try wrapped { () throws(SQLiteError) in
            try database.transaction { () throws(SQLiteError) in
                // Another process may have upgraded the file since it was looked at.
                for statements in Self.statements(from: try database.userVersion()) {
                    try database.execute(statements)
                }
                try database.setUserVersion(Self.schemaVersion)
            }
        }
    }

    /// Refuses a file without a schema, and leaves it as it is: opening it for writing would not.
    private static func checkExists(_ path: String) throws(RegistryError) {
        let version = try wrapped { () throws(SQLiteError) in
            try Database(path: path, mode: .readOnly).userVersion()
        }
        guard version > 0 else { throw .noSchema(path: path) }
    }

    /// Runs a query and reads each row.
    func rows<Row>(
        _ sql: String, bind: (Statement) -> Void = { _ in },
        read: (Statement) throws(RegistryError) -> Row
    ) throws(RegistryError) -> [Row] {
        let statement = try wrapped { () throws(SQLiteError) in try database.prepare(sql) }
        bind(statement)
        var rows: [Row] = []
        while try wrapped({ () throws(SQLiteError) in try statement.step() }) {
            rows.append(try read(statement))
        }
        return rows
    }

    /// Runs one statement that changes rows and returns how many it changed.
    @discardableResult
    func change(_ sql: String, bind: (Statement) -> Void) throws(RegistryError) -> Int64 {
        try wrapped { () throws(SQLiteError) in
            let statement = try database.prepare(sql)
            bind(statement)
            try statement.run()
            return database.changes
        }
    }

    /// The row identifier of the last insertion.
    var lastInsertRowID: Int64 { database.lastInsertRowID }

    /// Runs `body` in one transaction: all of it is committed, or nothing is.
    func transaction<Result>(
        _ body: () throws(RegistryError) -> Result
    ) throws(RegistryError) -> Result {
        try wrapped { () throws(SQLiteError) in try database.begin() }
        do throws(RegistryError) {
            let result = try body()
            try wrapped { () throws(SQLiteError) in try database.commit() }
            return result
        } catch {
            database.rollBack()
            throw error
        }
    }
}

/// Runs calls of the database and wraps their error as the registry's.
private func wrapped<Result>(
    _ body: () throws(SQLiteError) -> Result
) throws(RegistryError) -> Result {
    do throws(SQLiteError) { return try body() } catch { throw .database(error) }
}
