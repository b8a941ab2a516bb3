import EdgeCore
import EdgeProtocol
import SQLite

/// Keeps the device store within its budget: measures before each batch, and releases in slices.
///
/// What a released reading leaves behind is in ``ReleasedCycles``: its repeat is still known. A
/// unit whose checkpoint needs a released reading loses the checkpoint: when it comes back it
/// starts from the readings that are left, and its predictions say late starter.
final class StoreBudget {
    /// Bytes that one reading takes with its index entry, until there are enough to measure.
    private static let readingSizeGuess: Int64 = 250
    /// Readings from which on their size is measured instead.
    private static let measuredFrom: Int64 = 10_000
    /// Days of growth whose mean counts.
    private static let growthDays = 7

    let budget: DiskBudget
    let ballast: Ballast
    private let database: Database
    private let pageSize: Int64
    private let pageCount: Statement
    private let freeCount: Statement
    private let acknowledgedEnd: Statement
    private let oldestEnd: Statement
    private let released: ReleasedStore
    private let dropCheckpoints: Statement
    private let deleteReadings: Statement
    private let countReadings: Statement
    private let deleteQuarantine: Statement
    private let countQuarantine: Statement
    /// Whether the last batch found no room, or only at the price of readings not pulled.
    private var isFull = false

    init(
        _ database: Database, _ released: ReleasedStore, budget: DiskBudget, ballast: Ballast
    ) throws(SQLiteError) {
        self.database = database
        self.budget = budget
        self.ballast = ballast
        pageSize = try database.scalar("PRAGMA page_size") ?? 4_096
        // A second lock on the same door, for what is not written in batches: models, cursors.
        let pages = (budget.size - ballast.size) / pageSize
        try database.execute("PRAGMA max_page_count = \(pages)")
        pageCount = try database.prepare("PRAGMA page_count")
        freeCount = try database.prepare("PRAGMA freelist_count")
        acknowledgedEnd = try database.prepare(
            """
            SELECT max(sequence) FROM (SELECT sequence FROM readings
              WHERE sequence <= (SELECT min(pulled_through, published_through) FROM progress)
              ORDER BY sequence LIMIT ?)
            """)
        oldestEnd = try database.prepare(
            """
            SELECT max(sequence)
            FROM (SELECT sequence FROM readings ORDER BY sequence LIMIT ?)
            """)
        self.released = released
        dropCheckpoints = try database.prepare(
            """
            DELETE FROM checkpoints WHERE unit_id IN
              (SELECT readings.unit_id FROM readings JOIN checkpoints USING (unit_id)
               WHERE sequence <= ? AND readings.installation = checkpoints.installation
                 AND readings.cycle > checkpoints.cycle)
            """)
        deleteReadings = try database.prepare("DELETE FROM readings WHERE sequence <= ?")
        countReadings = try database.prepare(
            """
            UPDATE progress SET released = released + ?1,
              released_unpulled = released_unpulled + ?2 WHERE id = 1
            """)
        deleteQuarantine = try database.prepare(
            """
            DELETE FROM quarantine WHERE sequence <= (SELECT max(sequence)
              FROM (SELECT sequence FROM quarantine ORDER BY sequence LIMIT ?))
            """)
        countQuarantine = try database.prepare(
            "UPDATE progress SET quarantine_released = quarantine_released + ? WHERE id = 1")
    }

    /// Bytes of used pages, write-ahead log and ballast.
    func used() throws(SQLiteError) -> Int64 {
        let pages = try integer(pageCount) - integer(freeCount)
        return pages * pageSize + Files.size(database.path + "-wal") + Files.size(ballast.path)
    }

    // MARK: Making room

    /// Bytes of the write-ahead log that may stay in a store that is nearly full.
    private static let logSizeMax: Int64 = 1 << 20

    /// Bytes in use, once the log of a store that is nearly full has been copied back and cut.
    private func usedNow() throws(SQLiteError) -> Int64 {
        let first = try used()
        guard first >= budget.releaseMark, Files.size(database.path + "-wal") > Self.logSizeMax
        else { return first }
        // A reader that stands in the way only leaves the log as large as it is.
        _ = try database.checkpoint()
        return try used()
    }

    /// Releases what the budget asks for; throws when a batch must not be written.
    func makeRoom() throws(SQLiteError) {
        isFull = false
        for _ in 0..<DiskBudget.slicesMax {
            let action = try nextAction(used: usedNow())
            guard action != .proceed else { return }
            guard action != .stop else {
                isFull = true
                throw .full(
                    "the disk budget of \(budget.size / 1_000_000) MB is used up and no reading "
                        + "has been pulled that could go", path: database.path)
            }
            try perform(action)
        }
    }

    /// Releases a slice on a full disk; says whether there was one.
    ///
    /// The ballast goes only for that: more readings would soon fill its space, and then nothing
    /// could be released any more.
    func makeRoomOnFullDisk() throws(SQLiteError) -> Bool {
        isFull = true
        let action = try nextAction(used: budget.fullMark)
        guard action != .stop else { return false }
        _ = ballast.drop()
        try perform(action)
        return true
    }

    private func nextAction(used: Int64) throws(SQLiteError) -> DiskBudget.Action {
        guard used >= budget.releaseMark else { return .proceed }
        return budget.action(
            used: used, hasAcknowledged: try end(acknowledgedEnd) != nil,
            hasQuarantine: try database.scalar("SELECT sequence FROM quarantine LIMIT 1") != nil)
    }

    private func perform(_ action: DiskBudget.Action) throws(SQLiteError) {
        switch action {
        case .proceed, .stop: break
        case .releaseAcknowledged: _ = try release(through: end(acknowledgedEnd), isPulled: true)
        case .releaseQuarantine: _ = try releaseQuarantine()
        case .releaseUnpulled:
            isFull = true
            _ = try release(through: end(oldestEnd), isPulled: false)
        }
    }

    /// The last sequence of the next slice; `nil` if there is none.
    private func end(_ query: Statement) throws(SQLiteError) -> Int64? {
        defer { query.reset() }
        query.bind(DiskBudget.sliceCount, at: 1)
        guard try query.step(), !query.isNull(at: 0) else { return nil }
        return query.int64(at: 0)
    }

    private func release(
        through sequence: Int64?, isPulled: Bool
    ) throws(SQLiteError) -> Int64 {
        guard let sequence else { return 0 }
        return try database.transaction { () throws(SQLiteError) in
            try released.remember(through: sequence)
            for statement in [dropCheckpoints, deleteReadings] {
                statement.bind(sequence, at: 1)
                try statement.run()
            }
            let count = database.changes
            countReadings.bind(isPulled ? count : 0, at: 1)
            countReadings.bind(isPulled ? 0 : count, at: 2)
            try countReadings.run()
            return count
        }
    }

    private func releaseQuarantine() throws(SQLiteError) -> Int64 {
        try database.transaction { () throws(SQLiteError) in
            deleteQuarantine.bind(DiskBudget.sliceCount, at: 1)
            try deleteQuarantine.run()
            let count = database.changes
            countQuarantine.bind(count, at: 1)
            try countQuarantine.run()
            return count
        }
    }

    // MARK: Reporting

    /// What the health message and `check` say; lays the ballast again if there is room for it.
    func report() throws(SQLiteError) -> DiskReport {
        var report = DiskReport()
        report.hasBallast = ballast.lay()
        report.used = try used()
        report.budget = budget.size
        report.isFull = isFull
        let progress = try database.prepare(
            """
            SELECT released, released_unpulled, quarantine_released, scored + unscored + late,
              min(pulled_through, published_through),
              (SELECT coalesce(min(sequence), 0) FROM readings)
            FROM progress
            """)
        guard try progress.step() else { return report }
        report.released = progress.int64(at: 0)
        report.releasedUnpulled = progress.int64(at: 1)
        report.quarantineReleased = progress.int64(at: 2)
        let kept = progress.int64(at: 3) - report.released - report.releasedUnpulled
        let acknowledged = max(0, progress.int64(at: 4) - progress.int64(at: 5) + 1)
        progress.reset()
        let own = report.used - Files.size(ballast.path) - Files.size(database.path + "-wal")
        let size = kept >= Self.measuredFrom ? own / kept : Self.readingSizeGuess
        report.daysToFull = budget.daysToFull(
            used: report.used, releasable: min(acknowledged, kept) * size,
            bytesPerDay: try readingsPerDay() * size)
        return report
    }

    /// The mean of the latest whole days; of a first day, what it had so far.
    private func readingsPerDay() throws(SQLiteError) -> Int64 {
        let select = try database.prepare("SELECT readings FROM growth ORDER BY day DESC LIMIT ?")
        select.bind(Self.growthDays + 1, at: 1)
        var counts: [Int64] = []
        while try select.step() { counts.append(select.int64(at: 0)) }
        // The newest day is not over.
        let whole = counts.count > 1 ? counts.dropFirst() : counts[...]
        guard !whole.isEmpty else { return 0 }
        return whole.reduce(0, +) / Int64(whole.count)
    }

    private func integer(_ statement: Statement) throws(SQLiteError) -> Int64 {
        defer { statement.reset() }
        return try statement.step() ? statement.int64(at: 0) : 0
    }
}
