import SQLite

/// Reads a table of a damaged file in the order of its integer key, and steps over the holes.
///
/// A damaged leaf hides one range of keys, a damaged inner page a wider one. Where reading fails,
/// the next readable key is found by steps that double and are then halved.
struct DamagedTable {
    /// Widest hole that is looked across, in keys: more than a device ever counts.
    private static let holeMax: Int64 = 1 << 40

    private let select: Statement
    /// Where reading goes on; `nil` at the end.
    private var nextKey: Int64? = 0

    /// Compiles a query of the key as first column, `WHERE key >= ?1 ORDER BY key`.
    ///
    /// `nil` when the table cannot be read at all.
    init?(_ sql: String, in database: Database?) {
        guard let select = try? database?.prepare(sql) else { return nil }
        self.select = select
    }

    /// The next rows, at most `limit`; empty at the end.
    ///
    /// Rows that do not decode are left out.
    mutating func chunk<Row>(_ limit: Int, _ decode: (Statement) -> Row?) -> [Row] {
        var rows: [Row] = []
        while let start = nextKey, rows.count < limit {
            var key = start
            do throws(SQLiteError) {
                select.bind(key, at: 1)
                while rows.count < limit {
                    guard try select.step() else {
                        nextKey = nil
                        return rows
                    }
                    let found = select.int64(at: 0)
                    guard found >= key, found < Int64.max else {
                        throw .damaged("keys go back", in: select.sql, path: "")
                    }
                    if let row = decode(select) { rows.append(row) }
                    key = found + 1
                }
                select.reset()
                nextKey = key
            } catch {
                select.reset()
                nextKey = firstReadable(after: key)
            }
        }
        return rows
    }

    /// All rows, for a table that fits in memory.
    mutating func all<Row>(_ decode: (Statement) -> Row?) -> [Row] { chunk(.max, decode) }

    private func firstReadable(after key: Int64) -> Int64? {
        var unreadable = key
        var step: Int64 = 1
        while step <= Self.holeMax, key < Int64.max - step {
            var readable = key + step
            guard canRead(from: readable) else {
                unreadable = readable
                step *= 2
                continue
            }
            while readable - unreadable > 1 {
                let middle = unreadable + (readable - unreadable) / 2
                if canRead(from: middle) { readable = middle } else { unreadable = middle }
            }
            return readable
        }
        return nil
    }

    private func canRead(from key: Int64) -> Bool {
        defer { select.reset() }
        select.bind(key, at: 1)
        return (try? select.step()) != nil
    }
}
