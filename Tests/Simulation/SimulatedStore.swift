package import EdgeCore
package import EdgeProtocol
package import Prognostics

/// Why a call of the store did not do what it was asked.
package enum StoreFailure: Error, Equatable {
    /// Nothing was written; the next call may succeed.
    case refused(String)
    /// The process can only end; the next one repairs what it finds.
    case ends(String)
    /// The power went within the call, whatever the call would have returned.
    case powerCut
}

/// How a process ended.
package enum ProcessEnd: Equatable, Sendable {
    case orderly
    /// Whatever was written stays, synced or not.
    case killed
    /// What was not synced may be gone.
    case powerCut
}

/// A device store with a will of its own: in memory, or the real one on a faulty disk.
package protocol SimulatedStore: AnyObject {
    /// Names the log's life; a salvage changes it.
    var storeID: String { get }
    /// Faults that happened, counted by the store itself.
    var coverage: Coverage { get }
    /// No more faults from now on.
    var isCalm: Bool { get set }

    func restore() throws(StoreFailure) -> EdgeCore.Restored
    func history(
        of unit: UnitIdentifier, parameters: Digest?, checkpointThrough: CycleCount?
    ) throws(StoreFailure) -> UnitHistory
    func known(_ unit: UnitIdentifier, cycle: CycleCount) throws(StoreFailure) -> [KnownReading]
    func events(
        of unit: UnitIdentifier, installation: Int32
    ) throws(StoreFailure) -> EventHistory
    func newestUnits(limit: Int) throws(StoreFailure) -> [UnitIdentifier]
    func newestReadings(
        of unit: UnitIdentifier, limit: Int
    ) throws(StoreFailure) -> (snapshots: [Snapshot], marks: [EngineMark])
    func scored(
        after sequence: Int64, limit: Int
    ) throws(StoreFailure) -> (entries: [ReadingEntry], through: Int64)
    func page(
        after sequence: Int64, limit: Int
    ) throws(StoreFailure) -> (entries: [LogEntry], through: Int64, more: Bool)
    func bundle(_ digest: Digest) throws(StoreFailure) -> [UInt8]
    func shelf() throws(StoreFailure) -> ModelShelf

    func commit(_ batch: Batch) throws(StoreFailure)
    func apply(_ change: ModelChange) throws(StoreFailure)
    func storePublished(through sequence: Int64) throws(StoreFailure)
    func storePulled(through sequence: Int64) throws(StoreFailure)
    /// Readings that the latest commit released, and whether nobody had them yet.
    func takeReleased() -> [(entry: ReadingEntry, isCounted: Bool)]

    /// The process is over.
    func end(_ end: ProcessEnd)
    /// Another process opens the store, and repairs it if need be.
    func reopen() throws(StoreFailure)
    /// A model change whose call failed, and which the process that opened the store found done.
    func takeBelatedChange() -> ModelChange?
    /// What is on disk, read around every fault: for the checker.
    func inspect(after sequence: Int64) -> (entries: [LogEntry], accounting: Accounting)
}
