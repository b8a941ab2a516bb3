import EdgeProtocol

/// Publishes every scored reading at least once, in order, and remembers how far it got.
///
///     closed ──connected──▶ reading ──rows──▶ publishing ──acknowledged──▶ reading … idle
///
/// The log is the outbox: a durable cursor says up to which sequence the broker has acknowledged
/// every prediction. After a crash the rest goes out again. Nothing is buffered beyond the window.
/// What was committed before the connection was made is backfill: it is marked, and paced, so that
/// a fleet that was cut off for weeks does not flood its broker.
struct PredictionOutbox: Sendable {
    /// Predictions that may await the broker's acknowledgement at once.
    static let window = 256

    private struct InFlight {
        let sequence: Int64
        var isAcknowledged: Bool
    }

    /// Every prediction up to this sequence is with the broker.
    private(set) var publishedThrough: Int64
    /// The cursor that the store holds.
    private var storedThrough: Int64
    /// Rows up to this sequence have been read.
    private var readThrough: Int64
    private var committedSequence: Int64
    private var inFlight: [InFlight] = []
    private var isConnected = false
    /// The sequence behind which rows are being read; `nil` while none are.
    private var readingAfter: Int64?
    /// Rows up to this sequence were committed before the present connection.
    private var backfillThrough: Int64 = 0
    /// Predictions of the backfill that may go out in one second.
    private let backfillRateMax: Int
    /// Those that may still go out in this one.
    private var backfillAllowance: Int
    private var allowanceAtMillis: Int64 = 0

    init(publishedThrough: Int64, committedSequence: Int64, backfillRateMax: Int) {
        precondition(backfillRateMax > 0, "a backlog must shrink")
        self.backfillRateMax = backfillRateMax
        backfillAllowance = backfillRateMax
        self.publishedThrough = publishedThrough
        storedThrough = publishedThrough
        readThrough = publishedThrough
        self.committedSequence = committedSequence
    }

    /// Predictions sent that the broker has not acknowledged yet.
    var pendingCount: Int { inFlight.count }

    mutating func connected(effects: inout [EdgeEffect]) {
        isConnected = true
        backfillThrough = committedSequence
        pump(effects: &effects)
    }

    /// Another second: another part of the backfill.
    mutating func tick(_ now: Instant, effects: inout [EdgeEffect]) {
        guard now.monotonicMillis - allowanceAtMillis >= 1_000 else { return }
        allowanceAtMillis = now.monotonicMillis
        backfillAllowance = backfillRateMax
        pump(effects: &effects)
    }

    /// The connection and what was in flight on it are gone: start again behind the cursor.
    mutating func disconnected() {
        isConnected = false
        inFlight.removeAll(keepingCapacity: true)
        readThrough = publishedThrough
    }

    /// A batch is on disk, and with it the cursor as the batch carried it.
    mutating func committed(
        through sequence: Int64, cursor: Int64, effects: inout [EdgeEffect]
    ) {
        committedSequence = sequence
        storedThrough = max(storedThrough, cursor)
        pump(effects: &effects)
    }

    mutating func read(
        _ entries: [ReadingEntry], through: Int64, effects: inout [EdgeEffect]
    ) {
        let after = readingAfter
        readingAfter = nil
        guard isConnected else { return }
        // Rows for a connection that is gone: the new one starts again behind the cursor.
        guard after == readThrough else { return pump(effects: &effects) }
        for entry in entries {
            inFlight.append(InFlight(sequence: entry.sequence, isAcknowledged: false))
            let isBackfill = entry.sequence <= backfillThrough
            if isBackfill { backfillAllowance -= 1 }
            effects.append(.publishPrediction(entry, isBackfill: isBackfill))
        }
        readThrough = through
        advance(effects: &effects)
        pump(effects: &effects)
    }

    mutating func acknowledged(_ sequence: Int64, effects: inout [EdgeEffect]) {
        // An acknowledgement of a connection that is gone names nothing that is in flight now.
        guard let index = inFlight.firstIndex(where: { $0.sequence == sequence }) else { return }
        inFlight[index].isAcknowledged = true
        advance(effects: &effects)
        pump(effects: &effects)
    }

    private mutating func advance(effects: inout [EdgeEffect]) {
        let done = inFlight.prefix { $0.isAcknowledged }.count
        if done > 0 {
            publishedThrough = inFlight[done - 1].sequence
            inFlight.removeFirst(done)
        }
        guard inFlight.isEmpty else { return }
        publishedThrough = max(publishedThrough, readThrough)
        guard publishedThrough >= committedSequence, publishedThrough > storedThrough else {
            return
        }
        storedThrough = publishedThrough
        effects.append(.storePublished(through: publishedThrough))
    }

    private mutating func pump(effects: inout [EdgeEffect]) {
        var room = Self.window - inFlight.count
        // Half a window at a time: one query serves many rows.
        guard isConnected, readingAfter == nil, readThrough < committedSequence,
            room >= Self.window / 2
        else { return }
        if readThrough < backfillThrough {
            guard backfillAllowance > 0 else { return }
            room = min(room, backfillAllowance)
        }
        readingAfter = readThrough
        effects.append(.readOutbox(after: readThrough, limit: room))
    }
}
