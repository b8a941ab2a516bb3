import SQLite
import TestSupport
import Testing

/// Against real files in a temporary folder.
@Suite("SQLite database")
struct DatabaseTests {
    let folder: TemporaryFolder
    var path: String { folder.path("store.sqlite") }

    init() throws { folder = try TemporaryFolder("sqlite") }

    func opened() throws -> Database {
        let database = try Database(path: path, mode: .readWriteCreate)
        try database.execute(
            "CREATE TABLE IF NOT EXISTS readings (cycle INTEGER PRIMARY KEY, text TEXT, bytes BLOB)"
        )
        return database
    }

    func count(_ database: Database) throws -> Int64? {
        try database.scalar("SELECT count(*) FROM readings")
    }

    @Test("The settings of a connection are what was asked for")
    func settings() throws {
        var configuration = Database.Configuration()
        configuration.synchronous = .normal
        configuration.walAutocheckpointPages = 77
        configuration.journalSizeLimit = 65_536
        configuration.cacheKiB = 512
        configuration.foreignKeys = false
        let changed = try Database(
            path: path, mode: .readWriteCreate, configuration: configuration)
        #expect(try changed.scalar("PRAGMA synchronous") == 1)
        #expect(try changed.scalar("PRAGMA wal_autocheckpoint") == 77)
        #expect(try changed.scalar("PRAGMA journal_size_limit") == 65_536)
        #expect(try changed.scalar("PRAGMA cache_size") == -512)
        #expect(try changed.scalar("PRAGMA foreign_keys") == 0)
        let standard = try opened()
        #expect(try standard.scalar("PRAGMA synchronous") == 2)
        #expect(try standard.scalar("PRAGMA foreign_keys") == 1)
        #expect(try standard.scalar("PRAGMA busy_timeout") == 5_000)
    }

    @Test("Every kind of value comes back as it was bound")
    func roundTrip() throws {
        let database = try opened()
        let select = try database.prepare("SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7")
        select.bind(Int64.min, at: 1)
        select.bind(0.1, at: 2)
        select.bind("Zürich\0!", at: 3)
        select.bind([0, 255, 10] as [UInt8], at: 4)
        select.bindNull(at: 5)
        select.bind([] as [UInt8], at: 6)
        select.bind("", at: 7)
        #expect(try select.step())
        #expect(select.int64(at: 0) == .min)
        #expect(select.double(at: 1) == 0.1)
        #expect(select.text(at: 2) == "Zürich\0!")
        #expect(select.blob(at: 3) == [0, 255, 10])
        #expect((0...6).map { select.isNull(at: $0) } == (0...6).map { $0 == 4 })
        #expect(select.blob(at: 5) == [])
        #expect(select.text(at: 6) == "")
        #expect(try !select.step())
    }

    @Test("Bound bytes are copied: changing the buffer afterwards changes nothing")
    func copied() throws {
        let database = try opened()
        let select = try database.prepare("SELECT ?1")
        var bytes: [UInt8] = [1, 2, 3]
        bytes.withUnsafeMutableBytes { buffer in
            select.bind(blob: UnsafeRawBufferPointer(buffer), at: 1)
            buffer[0] = 9
        }
        #expect(try select.step())
        #expect(select.withBytes(at: 0) { Array($0) } == [1, 2, 3])
    }

    @Test("A statement is used again after its end, after a reset and after an error")
    func reuse() throws {
        let database = try opened()
        let insert = try database.prepare("INSERT INTO readings (cycle, text) VALUES (?1, ?2)")
        for cycle in 1...3 {
            insert.bind(cycle, at: 1)
            insert.bind("cycle \(cycle)", at: 2)
            try insert.run()
            #expect(database.lastInsertRowID == Int64(cycle))
            #expect(database.changes == 1)
        }
        let error = #expect(throws: SQLiteError.self) { try insert.run() }
        #expect(error?.isConstraint == true)
        insert.bind(4, at: 1)
        try insert.run()
        let select = try database.prepare("SELECT cycle FROM readings ORDER BY cycle")
        #expect(try select.step())
        #expect(try select.step())
        select.reset()
        var cycles: [Int64] = []
        while try select.step() { cycles.append(select.int64(at: 0)) }
        #expect(cycles == [1, 2, 3, 4])
    }

    @Test("A transaction whose body fails leaves nothing behind, and the next one works")
    func rollback() throws {
        let database = try opened()
        #expect(throws: SQLiteError.self) {
            try database.transaction { () throws(SQLiteError) in
                try database.execute("INSERT INTO readings (cycle) VALUES (1)")
                try database.execute("INSERT INTO readings (cycle) VALUES (1)")
            }
        }
        #expect(!database.isInTransaction)
        #expect(try count(database) == 0)
        let result = try database.transaction { () throws(SQLiteError) in
            try database.execute("INSERT INTO readings (cycle) VALUES (1)")
            try database.setUserVersion(3)
            return "done"
        }
        #expect(result == "done")
        #expect(try count(database) == 1)
        #expect(try database.userVersion() == 3)
    }

    @Test("What was committed is there after the file is opened again; what was not, is not")
    func reopen() throws {
        let first = try opened()
        try first.begin()
        try first.execute("INSERT INTO readings (cycle) VALUES (1)")
        try first.commit()
        try first.begin()
        try first.execute("INSERT INTO readings (cycle) VALUES (2)")
        first.close()
        #expect(!first.isOpen)
        let second = try Database(path: path, mode: .readOnly)
        #expect(try count(second) == 1)
        #expect(throws: SQLiteError.self) { try second.execute("DELETE FROM readings") }
    }

    @Test("A checkpoint cuts the log to nothing, unless a reader needs it")
    func checkpoint() throws {
        let database = try opened()
        try database.execute("INSERT INTO readings (cycle) VALUES (1)")
        #expect(try database.checkpoint())
        #expect(try folder.read("store.sqlite-wal").isEmpty)
        let reader = try Database(path: path, mode: .readOnly)
        let select = try reader.prepare("SELECT cycle FROM readings")
        #expect(try select.step())
        var configuration = Database.Configuration()
        configuration.busyTimeoutMillis = 10
        let writer = try Database(
            path: path, mode: .readWriteCreate, configuration: configuration)
        try writer.execute("INSERT INTO readings (cycle) VALUES (2)")
        #expect(try !writer.checkpoint())
    }

    @Test("A writer that waits longer than the busy timeout is told who to look for")
    func busy() throws {
        let first = try opened()
        var configuration = Database.Configuration()
        configuration.busyTimeoutMillis = 10
        let second = try Database(
            path: path, mode: .readWriteCreate, configuration: configuration)
        try first.begin()
        let error = #expect(throws: SQLiteError.self) { try second.begin() }
        #expect(error?.isBusy == true)
        #expect("\(String(describing: error))".contains("Stop the other process"))
    }

    @Test("A full disk is known by each of SQLite's codes for it", arguments: [13, 4_874])
    func fullCodes(extendedCode: Int32) {
        let error = SQLiteError.failed(
            code: extendedCode & 0xFF, extendedCode: extendedCode, message: "", sql: "", path: "f")
        #expect(error.isFull)
    }

    @Test("A full database says so, undoes the batch and goes on after space is made")
    func full() throws {
        let database = try opened()
        try database.execute("PRAGMA max_page_count = 30")
        let error = #expect(throws: SQLiteError.self) {
            try database.transaction { () throws(SQLiteError) in
                for cycle in 1...100 {
                    try database.execute(
                        "INSERT INTO readings (cycle, bytes) VALUES (\(cycle), zeroblob(4000))")
                }
            }
        }
        #expect(error?.isFull == true)
        #expect(!database.isInTransaction)
        #expect(try count(database) == 0)
        try database.execute("INSERT INTO readings (cycle) VALUES (1)")
    }

    @Test("A file that is no database is corruption, with its path in the message")
    func notADatabase() throws {
        try folder.write(String(repeating: "This is text. ", count: 100), to: "store.sqlite")
        let error = #expect(throws: SQLiteError.self) {
            try Database(path: path, mode: .readWriteCreate)
        }
        #expect(error?.isCorruption == true)
        #expect("\(String(describing: error))".contains("store.sqlite"))
    }

    @Test("A damaged page is found by the quick check, a sound file passes")
    func quickCheck() throws {
        let database = try opened()
        try database.execute("CREATE INDEX texts ON readings (text)")
        for cycle in 1...500 {
            try database.execute(
                "INSERT INTO readings (cycle, text) VALUES (\(cycle), 'reading \(cycle)')")
        }
        #expect(try database.quickCheck() == [])
        database.close()
        var bytes = try folder.read("store.sqlite")
        let pages = bytes.count / 4_096
        try #require(pages > 4)
        for offset in (pages - 2) * 4_096..<(pages - 1) * 4_096 { bytes[offset] = 0xFF }
        try folder.write(bytes, to: "store.sqlite")
        let damaged = try Database(path: path, mode: .readWriteCreate)
        do throws(SQLiteError) {
            let findings = try damaged.quickCheck()
            #expect(findings != [])
        } catch {
            #expect(error.isCorruption)
        }
    }

    @Test("A folder that does not exist is named, with what to check")
    func noFolder() throws {
        let error = #expect(throws: SQLiteError.self) {
            try Database(path: folder.path("none/store.sqlite"), mode: .readWriteCreate)
        }
        #expect("\(String(describing: error))".contains("Check that its folder exists"))
    }

    @Test("Wrong SQL is refused with its text")
    func wrongSQL() throws {
        let database = try opened()
        let error = #expect(throws: SQLiteError.self) { try database.prepare("SELEC 1") }
        #expect("\(String(describing: error))".contains("SELEC 1"))
    }

    @Test("A statement may outlive its closed database, but not be used")
    func useAfterClose() async {
        await #expect(processExitsWith: .failure) {
            let database = try Database(path: ":memory:", mode: .readOnly)
            let statement = try database.prepare("SELECT 1")
            database.close()
            _ = try statement.step()
        }
    }
}
