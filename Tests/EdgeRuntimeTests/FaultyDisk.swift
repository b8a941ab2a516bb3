import CFaultyDisk
import SQLite
import TestSupport

/// A disk below SQLite that loses what was not synced, fails at a chosen operation or runs full.
final class FaultyDisk {
    /// What can be made to fail.
    enum Operation: Int32, CaseIterable, Sendable {
        case read = 1, write = 2, sync = 4, truncate = 8
    }

    private let name: String
    private let disk: OpaquePointer

    init() throws {
        name = "faulty-\(UInt64.random(in: 0...UInt64.max))"
        guard let disk = faulty_disk_create(name) else { throw TestSupportError("no memory") }
        self.disk = disk
    }

    deinit { faulty_disk_destroy(disk) }

    /// A connection's settings on this disk; its log is copied back often, so that cuts hit that.
    var configuration: Database.Configuration {
        var configuration = Database.Configuration()
        configuration.vfs = name
        configuration.walAutocheckpointPages = 12
        return configuration
    }

    /// Writes, syncs and truncations so far.
    var operations: Int { Int(faulty_disk_operations(disk)) }
    var isCut: Bool { faulty_disk_is_cut(disk) != 0 }
    var failures: Int { Int(faulty_disk_failures(disk)) }

    /// The power goes at this operation, counted from 1.
    func cut(at operation: Int) { faulty_disk_cut_at(disk, Int64(operation)) }

    /// Nothing reaches the disk any more, as when the process is killed; or everything again.
    func stop(_ isStopped: Bool) { faulty_disk_stop(disk, isStopped ? 1 : 0) }

    /// No operation fails that has not failed yet.
    func failNone() { faulty_disk_fail(disk, 0, 0, 0, 0) }

    /// One operation fails, after `skip` of its kind that do not.
    func failOnce(_ operation: Operation, after skip: Int, code: Int32) {
        faulty_disk_fail(disk, operation.rawValue, Int64(skip), 1, code)
    }

    /// Some operations in a row fail, after `skip` of their kind that do not.
    func fail(_ operation: Operation, after skip: Int, count: Int, code: Int32) {
        faulty_disk_fail(disk, operation.rawValue, Int64(skip), Int64(count), code)
    }

    /// All files together, and one that SQLite does not know, hold at most so many bytes.
    func limit(to bytes: Int, beside path: String) {
        faulty_disk_capacity(disk, Int64(bytes), path)
    }

    /// Leaves the files as a power cut may: with seed 0 only what was synced is there.
    func loseUnsynced(seed: UInt64) throws {
        let result = faulty_disk_lose(disk, seed)
        guard result == 0 else { throw TestSupportError("losing failed with errno \(result)") }
    }
}
