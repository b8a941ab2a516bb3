import EdgeProtocol
import Prognostics

/// The broker's half of both connections, as MQTT 5 lets one be.
struct SimulatedBroker {
    /// A message to the control connection.
    enum ControlMessage {
        case offer([UInt8])
        case block(bundle: Digest, index: Int, bytes: [UInt8])
        case logRequest(LogRequest, responseTopic: String)
        case overwrittenStatus
    }

    private let queueMax: Int
    /// Messages of the ingest session that are not on their way.
    private var queue: [Message] = []
    /// Messages that were sent on this connection and not acknowledged.
    private var sent: [Message] = []
    private var hasSession = false
    private(set) var isIngestUp = false
    /// Nothing arrives any more on either side, and neither side knows.
    var isIngestHalfOpen = false

    private(set) var isControlUp = false
    var isControlHalfOpen = false
    private var toControl: [ControlMessage] = []
    /// Predictions whose acknowledgements are on their way.
    private(set) var unconfirmed: [Int64] = []
    private var selects = false
    private var subscribedBlocks: [Digest: Set<Int>] = [:]
    var retainedOffer: [UInt8] = []
    var retainedBlocks: [Digest: [Int: [UInt8]]] = [:]

    private var nextNumber = 1

    init(queueMax: Int) { self.queueMax = queueMax }

    /// Messages that the device still has to acknowledge.
    var waiting: Int { queue.count + sent.count }

    // MARK: Ingest

    /// A publisher's message; the broker owes nothing to a device without a session.
    mutating func publish(
        _ publication: Fleet.Publication, loses: Bool, coverage: inout Coverage
    ) {
        let message = Message(
            number: nextNumber, topic: publication.topic, payload: publication.payload,
            meaning: publication.meaning, isProtected: publication.isProtected)
        nextNumber += 1
        guard hasSession else { return }
        if !message.isProtected, loses || !isIngestUp || isIngestHalfOpen {
            return coverage.count(.lostAtQoS0)
        }
        guard queue.count < queueMax else { return coverage.count(.queueOverflow) }
        queue.append(message)
    }

    mutating func connectIngest() {
        hasSession = true
        isIngestUp = true
        isIngestHalfOpen = false
    }

    /// Hands out messages in order, as far as the receive maximum allows.
    mutating func deliver(_ count: Int, receiveMaximum: Int) -> [Message] {
        guard isIngestUp, !isIngestHalfOpen else { return [] }
        var batch: [Message] = []
        while batch.count < count, let message = queue.first {
            if message.isProtected {
                guard sent.count < receiveMaximum else { break }
                sent.append(message)
            }
            queue.removeFirst()
            batch.append(message)
        }
        return batch
    }

    /// A PUBACK arrived.
    mutating func acknowledge(_ number: Int) { sent.removeAll { $0.number == number } }

    /// The ingest connection is gone: what was not acknowledged comes again, QoS 0 does not.
    mutating func dropIngest(
        reorders: Bool, _ random: inout SplitMix64, _ coverage: inout Coverage
    ) {
        guard isIngestUp else { return }
        isIngestUp = false
        isIngestHalfOpen = false
        if !sent.isEmpty { coverage.count(.redelivered, times: sent.count) }
        if reorders, sent.count > 1 {
            sent.shuffle(using: &random)
            coverage.count(.reordered)
        }
        queue = sent + queue.filter(\.isProtected)
        sent = []
    }

    /// The broker forgets the session; what it held is lost, and was never acknowledged.
    mutating func loseSession() {
        queue = []
        sent = []
        hasSession = false
    }

    // MARK: Control

    mutating func connectControl() {
        isControlUp = true
        isControlHalfOpen = false
    }

    mutating func dropControl() {
        isControlUp = false
        isControlHalfOpen = false
        toControl = []
        unconfirmed = []
        selects = false
        subscribedBlocks = [:]
    }

    private var reaches: Bool { isControlUp && !isControlHalfOpen }

    mutating func subscribeOffer() {
        guard reaches else { return }
        selects = true
        if !retainedOffer.isEmpty { toControl.append(.offer(retainedOffer)) }
    }

    mutating func subscribeBlocks(_ bundle: Digest, _ indices: [Int]) {
        guard reaches else { return }
        subscribedBlocks[bundle, default: []].formUnion(indices)
        for index in indices {
            guard let bytes = retainedBlocks[bundle]?[index] else { continue }
            toControl.append(.block(bundle: bundle, index: index, bytes: bytes))
        }
    }

    mutating func unsubscribeBlocks(_ bundle: Digest, _ indices: [Int]) {
        subscribedBlocks[bundle]?.subtract(indices)
    }

    /// Retains an offer and hands it on.
    mutating func retain(offer: [UInt8]) {
        retainedOffer = offer
        if reaches, selects { toControl.append(.offer(offer)) }
    }

    /// Retains the blocks of a bundle and hands them on.
    mutating func retain(blocks: [[UInt8]], of bundle: Digest) {
        retainedBlocks[bundle] = Dictionary(
            uniqueKeysWithValues: blocks.enumerated().map { ($0.offset, $0.element) })
        guard reaches else { return }
        for (index, bytes) in blocks.enumerated()
        where subscribedBlocks[bundle]?.contains(index) == true {
            toControl.append(.block(bundle: bundle, index: index, bytes: bytes))
        }
    }

    /// Hands a message on that nobody retains.
    mutating func send(_ message: ControlMessage) {
        if reaches { toControl.append(message) }
    }

    /// The next message that arrives on the control connection.
    mutating func nextControlMessage() -> ControlMessage? {
        guard reaches, !toControl.isEmpty else { return nil }
        return toControl.removeFirst()
    }

    /// A prediction arrives; its acknowledgement is on its way from now on.
    mutating func takePrediction(_ sequence: Int64) { unconfirmed.append(sequence) }

    /// The next acknowledgement that arrives.
    mutating func nextConfirmation() -> Int64? {
        guard reaches, !unconfirmed.isEmpty else { return nil }
        return unconfirmed.removeFirst()
    }
}
