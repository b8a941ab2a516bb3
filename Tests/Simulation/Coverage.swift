/// Everything that the simulator injects, and the states of the agent that are worth reaching.
///
/// Each is counted where it really happens, not where it is planned.
package enum Reached: String, CaseIterable, Sendable {
    // What goes wrong around the agent.
    case lostAtQoS0 = "message lost at QoS 0"
    case duplicatedByPublisher = "message sent twice by its publisher"
    case redelivered = "message delivered again"
    case reordered = "redelivery out of order"
    case sessionLost = "session lost by the broker"
    case brokerRestart = "broker restarted"
    case halfOpenIngest = "ingest connection half open: acknowledgements lost"
    case acknowledgementsCut = "connection lost between two acknowledgements"
    case lostWhileReading = "connection lost in the middle of a batch"
    case halfOpenControl = "control connection half open: predictions lost"
    case confirmationLost = "broker's acknowledgement of a prediction lost"
    case slowBroker = "broker slow to acknowledge predictions"
    case queueOverflow = "broker's queue overflowed: slow consumer"
    case crash = "process killed between two effects"
    case crashInBatch = "process killed with a batch open"
    case crashAfterCommit = "process killed between COMMIT and acknowledgement"
    case powerCut = "power cut"
    case forgottenWrite = "un-synced write forgotten"
    case orderlyStop = "orderly stop"
    case commitTorn = "power cut within a COMMIT: nothing of it there"
    case commitFailed = "COMMIT refused (ENOSPC or EIO)"
    case commitBack = "COMMIT that failed found on disk after a power cut"
    case diskFull = "disk full for a while"
    case batchFoundLater = "batch that was given up found by the next process"
    case modelChangeFailed = "change of the model store refused"
    case readFailed = "EIO while reading"
    case flippedPayload = "bit flipped in a payload"
    case flippedBlockInTransit = "bit flipped in a block on its way"
    case flippedStoredBlock = "bit flipped in a stored block"
    case flippedCheckpoint = "bit flipped in a stored checkpoint"
    case salvage = "store salvaged under another name"
    case offersLost = "offers lost with a damaged page"
    case clockJump = "wall clock jumped"
    case clockAt1970 = "start with a clock at 1970"
    // What publishers, operators and attackers do.
    case malformed = "malformed payload"
    case conflict = "conflicting reading"
    case lateReading = "late reading"
    case gap = "gap in the cycles"
    case otherEngine = "another engine under the same unit"
    case jsonReading = "reading as JSON"
    case eventOnTime = "event on time"
    case eventEarly = "event before its cycle is reached"
    case eventLate = "event after later cycles"
    case eventTwice = "event sent twice"
    case eventMalformed = "malformed event"
    case offerPushed = "offer pushed"
    case offerReplayed = "old offer replayed by an attacker"
    case offerForged = "forged offer"
    case offerElsewhere = "offer for another fleet or feature spec"
    case blocksVanished = "blocks vanished from the broker"
    case pageLost = "log page lost on its way"
    case pullRepeated = "log page asked for again"
    case strangeCursor = "log request with another store's cursor"
    // Where that leads.
    case scored = "reading scored"
    case unscored = "reading without a model"
    case suppressed = "repeat suppressed"
    case conflictQuarantined = "conflict quarantined"
    case newInstallation = "installation begun by a reading of cycle 1"
    case engineEnded = "installation ended by an event"
    case eventForPrevious = "event put down to the engine before"
    case rebuiltForEvent = "state rebuilt for a late event"
    case evictedUnitBack = "evicted unit back by replay"
    case fromCheckpoint = "state restored from a checkpoint"
    case ingestDropped = "ingest dropped by the agent"
    case backfill = "backfill published"
    case activated = "model activated"
    case shadowPassed = "shadow passed"
    case held = "bundle held"
    case refused = "bundle refused"
    case rolledBack = "model rolled back"
    case crashLoop = "bundle blamed for a crash loop"
    case probationOver = "probation over"
    case blockRefused = "block refused"
    case blocksDamaged = "stored blocks found damaged"
    case modelStalled = "model delivery stalled by the disk"
    case offerRefused = "offer refused"
    case offerExpired = "offer expired"
    case fallbackTakesOver = "damaged active bundle replaced by the fallback"
    case released = "pulled reading released"
    case releasedUnpulled = "reading released before it was pulled"
    case logFull = "batch refused for the disk budget"
    case partlyRebuilt = "unit rebuilt from what was left of it"
    case pulled = "log page pulled"
}

/// How often each of ``Reached`` happened.
package struct Coverage: Equatable, Sendable {
    private var counts = [Int](repeating: 0, count: Reached.allCases.count)

    package init() {}

    package mutating func count(_ reached: Reached, times: Int = 1) {
        counts[Self.place(reached)] += times
    }

    package subscript(_ reached: Reached) -> Int { counts[Self.place(reached)] }

    /// Adds another run's counts.
    package mutating func add(_ other: Coverage) {
        for index in counts.indices { counts[index] += other.counts[index] }
    }

    /// What never happened.
    package var missing: [Reached] { Reached.allCases.filter { self[$0] == 0 } }

    /// One line for each, in a fixed order.
    package var table: String {
        Reached.allCases.map { reached in
            let count = String(self[reached])
            let pad = String(repeating: " ", count: max(0, 12 - count.utf8.count))
            return "\(pad)\(count)  \(reached.rawValue)"
        }.joined(separator: "\n")
    }

    private static let places = Dictionary(
        uniqueKeysWithValues: Reached.allCases.enumerated().map { ($0.element, $0.offset) })

    private static func place(_ reached: Reached) -> Int { places[reached] ?? 0 }
}
