/// How much disk the device store may take, and what leaves it when that is used up.
///
/// One number covers all that the agent writes: used pages (readings, log, models, quarantine), the
/// write-ahead log and the ballast. What leaves, in this order: acknowledged readings, refused
/// payloads, and then, only if so configured, the oldest readings that nobody has pulled.
package struct DiskBudget: Equatable, Sendable {
    /// What happens when nothing is left that may go.
    package enum WhenFull: String, CaseIterable, Equatable, Sendable {
        /// Readings are no longer acknowledged: they wait at the broker.
        case stop
        /// The oldest readings go although nobody has pulled them, and are counted.
        case releaseOldestCounted = "release-oldest-counted"
    }

    /// What is to be done before the next batch is written.
    package enum Action: Equatable, Sendable {
        /// There is room.
        case proceed
        /// Release a slice of readings that the back office has and the broker got predictions of.
        case releaseAcknowledged
        /// Release a slice of refused payloads.
        case releaseQuarantine
        /// Release a slice of readings that nobody has pulled, and count them.
        case releaseUnpulled
        /// Refuse the batch: it stays unacknowledged.
        case stop
    }

    /// Bytes of the ballast: more than twice what the release of a slice can write to the log.
    ///
    /// That is 512 index entries and 512 hashes, each on a page of 4 KiB of its own and split once
    /// in two, and the rows' own pages: some 1,600 pages. With 100 units it was 1.7 MB.
    package static let ballastSize: Int64 = 16 << 20
    /// The smallest budget in bytes: ballast, a write-ahead log, three bundles and some readings.
    package static let sizeMin: Int64 = 64_000_000
    /// Rows of one slice: it is released between two batches, so it delays them by milliseconds.
    package static let sliceCount = 512
    /// Slices before one batch: four times what the largest usual batch brings.
    package static let slicesMax = 4

    /// Bytes of everything together.
    package let size: Int64
    package let whenFull: WhenFull

    /// - Precondition: `size` is at least ``sizeMin``.
    package init(size: Int64, whenFull: WhenFull) {
        precondition(size >= Self.sizeMin, "a budget of \(size) bytes holds nothing")
        self.size = size
        self.whenFull = whenFull
    }

    /// Bytes from which on rows are released: nine tenths.
    package var releaseMark: Int64 { size / 10 * 9 }

    /// Bytes from which on no batch is accepted: the rest is for models and the release itself.
    package var fullMark: Int64 { size / 100 * 97 }

    /// Says what comes next for a store of `used` bytes.
    /// - Parameters:
    ///   - used: Bytes of used pages, write-ahead log and ballast.
    ///   - hasAcknowledged: Whether a reading is left that may go without a loss.
    ///   - hasQuarantine: Whether a refused payload is left.
    /// - Returns: What to do; after a release, ask again.
    package func action(
        used: Int64, hasAcknowledged: Bool, hasQuarantine: Bool
    ) -> Action {
        if used < releaseMark { return .proceed }
        if hasAcknowledged { return .releaseAcknowledged }
        if hasQuarantine { return .releaseQuarantine }
        if used < fullMark { return .proceed }
        return whenFull == .stop ? .stop : .releaseUnpulled
    }

    /// Whole days until no batch is accepted, if nothing more is acknowledged.
    /// - Parameters:
    ///   - used: Bytes in use.
    ///   - releasable: Bytes of them that may go.
    ///   - bytesPerDay: How fast the store grows.
    /// - Returns: `nil` without growth.
    package func daysToFull(used: Int64, releasable: Int64, bytesPerDay: Int64) -> Int64? {
        guard bytesPerDay > 0 else { return nil }
        return max(0, fullMark - used + releasable) / bytesPerDay
    }
}
