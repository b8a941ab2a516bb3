import CSQLite

/// One compiled statement: bind, step, read columns, again.
///
/// Parameters count from 1 and columns from 0, as in SQLite. Bound text and blobs are copied by
/// SQLite before the call returns, so a buffer needs to live only that long. A wrong index, or a
/// bind in the middle of stepping, is the caller's bug and traps.
package final class Statement {
    /// Keeps the connection open as long as the statement is referenced.
    private let database: Database
    private let compiled: OpaquePointer

    /// Takes ownership of a compiled statement.
    init(_ compiled: OpaquePointer, of database: Database) {
        self.compiled = compiled
        self.database = database
    }

    deinit {
        // `Database.close` has finalized the statements that were left.
        if database.isOpen { sqlite3_finalize(compiled) }
    }

    /// The SQL as it was compiled.
    package var sql: String { String(cString: sqlite3_sql(handle)) }

    private var handle: OpaquePointer {
        precondition(database.isOpen, "a statement of a closed database is used")
        return compiled
    }

    // MARK: Running

    /// Goes to the next row; `false` at the end.
    ///
    /// At the end and after an error the statement is reset, so it holds no lock and can be bound
    /// and run again. Bindings stay.
    package func step() throws(SQLiteError) -> Bool {
        switch sqlite3_step(handle) {
        case SQLITE_ROW: return true
        case SQLITE_DONE:
            sqlite3_reset(handle)
            return false
        default:
            let error = database.failure(sql: sql)
            sqlite3_reset(handle)
            throw error
        }
    }

    /// Steps to the end and ignores rows: for INSERT, UPDATE, DELETE.
    package func run() throws(SQLiteError) {
        while try step() {}
    }

    /// Ends a query before its last row; bindings stay.
    package func reset() { sqlite3_reset(handle) }

    // MARK: Parameters

    /// Binds an integer.
    package func bind(_ value: Int64, at index: Int32) {
        check(sqlite3_bind_int64(handle, index, value), index)
    }

    /// Binds an integer.
    package func bind(_ value: Int, at index: Int32) { bind(Int64(value), at: index) }

    /// Binds a floating-point number; SQLite stores NaN as NULL.
    package func bind(_ value: Double, at index: Int32) {
        check(sqlite3_bind_double(handle, index, value), index)
    }

    /// Binds text.
    package func bind(_ text: String, at index: Int32) {
        var text = text
        text.withUTF8 { bind(text: UnsafeRawBufferPointer($0), at: index) }
    }

    /// Binds a blob.
    package func bind(_ blob: [UInt8], at index: Int32) {
        blob.withUnsafeBytes { bind(blob: $0, at: index) }
    }

    /// Binds text given as UTF-8 bytes, without creating a string.
    package func bind(text: UnsafeRawBufferPointer, at index: Int32) {
        let size = UInt64(text.count)
        let result =
            if let start = text.baseAddress {
                sqlite3_bind_text64(
                    handle, index, start.assumingMemoryBound(to: CChar.self), size, Self.copied,
                    UInt8(SQLITE_UTF8))
            } else {
                sqlite3_bind_text64(handle, index, "", 0, Self.copied, UInt8(SQLITE_UTF8))
            }
        check(result, index)
    }

    /// Binds a blob; an empty buffer is an empty blob, not NULL.
    package func bind(blob: UnsafeRawBufferPointer, at index: Int32) {
        let result =
            if let start = blob.baseAddress {
                sqlite3_bind_blob64(handle, index, start, UInt64(blob.count), Self.copied)
            } else {
                sqlite3_bind_zeroblob(handle, index, 0)
            }
        check(result, index)
    }

    /// Binds NULL.
    package func bindNull(at index: Int32) { check(sqlite3_bind_null(handle, index), index) }

    /// SQLITE_TRANSIENT: SQLite copies the bytes before the bind returns.
    private static var copied: sqlite3_destructor_type {
        unsafeBitCast(-1, to: sqlite3_destructor_type.self)
    }

    private func check(_ result: Int32, _ index: Int32) {
        precondition(result == SQLITE_OK, "binding parameter \(index) failed with code \(result)")
    }

    // MARK: Columns of the current row

    /// Whether the column is NULL.
    package func isNull(at column: Int32) -> Bool { type(at: column) == SQLITE_NULL }

    /// SQLite's code for the column's type.
    func type(at column: Int32) -> Int32 { sqlite3_column_type(handle, checked(column)) }

    /// The column as an integer; 0 for NULL.
    package func int64(at column: Int32) -> Int64 {
        sqlite3_column_int64(handle, checked(column))
    }

    /// The column as a floating-point number; 0 for NULL.
    package func double(at column: Int32) -> Double {
        sqlite3_column_double(handle, checked(column))
    }

    /// The column as text; empty for NULL.
    package func text(at column: Int32) -> String {
        guard let start = sqlite3_column_text(handle, checked(column)) else { return "" }
        let size = Int(sqlite3_column_bytes(handle, column))
        return String(decoding: UnsafeBufferPointer(start: start, count: size), as: UTF8.self)
    }

    /// The column's bytes; empty for NULL.
    package func blob(at column: Int32) -> [UInt8] {
        withBytes(at: column) { Array($0) }
    }

    /// Calls `body` with the column's bytes in SQLite's memory, valid only during the call.
    package func withBytes<Result>(
        at column: Int32, _ body: (UnsafeRawBufferPointer) -> Result
    ) -> Result {
        let start = sqlite3_column_blob(handle, checked(column))
        let size = Int(sqlite3_column_bytes(handle, column))
        return body(UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : size))
    }

    private func checked(_ column: Int32) -> Int32 {
        let count = sqlite3_data_count(handle)
        precondition(column >= 0 && column < count, "column \(column) of a row with \(count)")
        return column
    }
}
