import EdgeCore
import EdgeProtocol
import Features
import Glibc
import Inference
import Logging
import Mosquitto
import Prognostics
import SQLite
import Sodium
import Synchronization
import Zlib

/// Set by SIGTERM and SIGINT; the network thread looks at it between two batches.
let stopRequested = Atomic<Bool>(false)

/// The device's shell: feeds the machine with what happens and performs its effects.
///
/// All of it runs on the network thread; only scoring and verification leave for the workers. The
/// order within a batch is the promise: read → apply → COMMIT → write the PUBACKs. Between the
/// first read and the COMMIT nothing is written on the ingest connection, because any write sends
/// the queued PUBACKs too.
final class Agent {
    let configuration: AgentConfiguration
    let store: EdgeStore
    let keys: [VerificationKey]
    let logger: Logger
    private let wake = WakeDescriptor()
    let workers: Workers
    let ingest: BrokerConnection
    let control: BrokerConnection
    var core: EdgeCore
    var inputs: [EdgeInput] = []
    var effects: [EdgeEffect] = []
    var isPerforming = false
    /// Windows handed to the workers whose answers are not back yet.
    var outstanding = 0
    /// Log sequences of predictions by the message identifiers they travel under.
    var sequences: [Int32: Int64] = [:]
    /// Log requests that wait for their turn: one is answered per turn, so that ingest goes on.
    var logRequests: [EdgeInput] = []
    /// Most log requests that wait; each agent has one puller, which waits for its answer.
    static let logRequestCountMax = 16
    /// Subscriptions of the ingest connection that the broker has not answered yet.
    var awaitedGrants: Set<Int32> = []
    private var lastTickMicros: Int64 = 0
    private let startedMicros = Clock.monotonicMicros()
    /// The reason of the disconnection that is being reported was another agent.
    var isTakenOver = false
    /// Another agent of this name said that it is there: both connections are closed for a while.
    var standsBack = false
    /// The broker refused a prediction on this control connection: it is closed, with back-off.
    var isPublishRefused = false
    /// An effect that failed and leaves nothing to do but stop.
    var failure: EdgeRuntimeError?

    init(
        configuration: AgentConfiguration, store: EdgeStore, keys: [VerificationKey],
        logger: Logger
    ) throws(EdgeRuntimeError) {
        self.configuration = configuration
        self.store = store
        self.keys = keys
        self.logger = logger
        workers = Workers(queueMax: configuration.queueMaxsize, wake: wake)
        let identity = AgentIdentity(
            agent: configuration.agent, topics: configuration.topics,
            featureSpec: FeatureSpec.identifier, version: AgentVersion.text,
            storeID: store.storeID, readingsFilters: configuration.readingsFilters)
        ingest = BrokerConnection(
            configuration.ingestConnection, seed: .random(in: .min ... .max))
        control = BrokerConnection(
            configuration.controlConnection(storeID: store.storeID),
            seed: .random(in: .min ... .max))
        core = EdgeCore(
            identity: identity, restored: try AgentStart.restore(store, logger),
            residentUnitsMax: configuration.residentUnitsMax,
            backfillRateMax: configuration.backfillRateMax)
    }

    // MARK: The loop

    /// Runs until a signal asks to stop; throws when the store can no longer be trusted.
    func run() throws(EdgeRuntimeError) {
        let threads = workers.start(count: configuration.queueWorkers)
        logger.info(
            "agent started",
            metadata: [
                "agent": "\(configuration.agent)", "fleet": "\(configuration.topics.fleet)",
                "run_id": "\(core.activeRunID ?? "none")", "store_id": "\(store.storeID)",
                "kernel": "\(KernelVariant.fastest.rawValue)",
            ])
        while !stopRequested.load(ordering: .relaxed), failure == nil { turn() }
        sayGoodbye()
        workers.stop(threads)
        if let failure { throw failure }
    }

    /// One turn: whatever either socket, the workers and the clock have to say.
    ///
    /// After a failure nothing is read or written on the ingest connection: effects are void then,
    /// so a commit may be missing, and any write would acknowledge readings that are not on disk.
    private func turn() {
        let now = Clock.now()
        open(ingest, "ingest", now)
        open(control, "control", now)
        if now.monotonicMicros - lastTickMicros >= 1_000_000 { tick(now) }
        wait(until: now)
        serveControl()
        wake.drain()
        take(workers.takeAnswers())
        answerLogRequest()
        guard failure == nil else { return }
        serveIngest()
        guard failure == nil else { return }
        flush(control, event: controlEvent)
        flush(ingest, event: ingestEvent)
    }

    private func tick(_ now: Instant) {
        lastTickMicros = now.monotonicMicros
        control.client?.loopMisc(controlEvent)
        dropIfLost(control)
        ingest.client?.loopMisc(ingestEvent)
        dropIfLost(ingest)
        feed(.tick(now))
    }

    /// Starts an attempt that is due, unless the other connection has one under way.
    private func open(_ connection: BrokerConnection, _ name: String, _ now: Instant) {
        guard !isHeldBack(connection) else { return }
        do throws(MosquittoError) {
            try connection.openIfDue(now)
        } catch {
            logger.warning(
                "broker not reached", metadata: ["connection": "\(name)", "reason": "\(error)"])
            connection.lost(now)
        }
    }

    /// One reconnect at a time: a broker that has just come back has many agents to greet.
    private func isHeldBack(_ connection: BrokerConnection) -> Bool {
        (connection === ingest ? control : ingest).isConnecting
    }

    /// Sleeps in `poll` until a socket, a worker or the next second has something to do.
    private func wait(until now: Instant) {
        var descriptors = [pollfd(fd: wake.descriptor, events: Int16(POLLIN), revents: 0)]
        for client in [ingest.client, control.client] {
            guard let client, let descriptor = client.socketDescriptor else { continue }
            let events = client.wantsWrite ? POLLIN | POLLOUT : POLLIN
            descriptors.append(pollfd(fd: descriptor, events: Int16(events), revents: 0))
        }
        var timeout = max(0, lastTickMicros + 1_000_000 - now.monotonicMicros)
        if !logRequests.isEmpty { timeout = 0 }
        for connection in [ingest, control] where !isHeldBack(connection) {
            if let due = connection.waitMicros(now) { timeout = min(timeout, due) }
        }
        // A signal ends the wait early; the loop then looks at `stopRequested`.
        poll(&descriptors, nfds_t(descriptors.count), Int32((timeout + 999) / 1_000))
    }

    /// Reads what the control connection holds, but no more than a batch: ingest has its turn too.
    private func serveControl() {
        guard let client = control.client else { return }
        let first = client.eventCount
        var before: Int
        repeat {
            before = client.eventCount
            client.loopRead(controlEvent)
        } while client.socketDescriptor != nil && client.eventCount != before
            && client.eventCount - first < Int(configuration.receiveMaximum)
        if isPublishRefused { client.closeAbruptly() }
        dropIfLost(control)
        if standsBack { standBack() }
    }

    /// Leaves the field to another agent of this name, and tries again after a minute at most.
    ///
    /// Mosquitto 2.0.11 does not tell a client that its session was taken over, so two agents
    /// would take the session from each other without end. The control connection ends with
    /// DISCONNECT: its Last Will would call the other agent offline.
    private func standBack() {
        standsBack = false
        let now = Clock.now()
        if let client = control.client {
            try? client.disconnect()
            client.loopWrite(controlEvent)
        }
        ingest.client?.closeAbruptly()
        for connection in [control, ingest] { connection.lost(now, isTakenOver: true) }
        isPublishRefused = false
        sequences.removeAll(keepingCapacity: true)
        logRequests.removeAll()
        awaitedGrants.removeAll()
        feed(.controlDisconnected)
        feed(.ingestDisconnected)
    }

    /// Answers the oldest log request: a page of a thousand rows takes tens of milliseconds.
    private func answerLogRequest() {
        guard !logRequests.isEmpty else { return }
        feed(logRequests.removeFirst())
    }

    /// One batch: reads what the socket holds, waits for its scores, commits, acknowledges.
    private func serveIngest() {
        guard let client = ingest.client else { return }
        let first = client.eventCount
        var before: Int
        repeat {
            before = client.eventCount
            client.loopRead(ingestEvent)
        } while client.socketDescriptor != nil && client.eventCount != before
            && client.eventCount - first < Int(configuration.receiveMaximum) && failure == nil
        guard failure == nil else { return }
        feed(.drained)
        while outstanding > 0 { take(workers.waitForAnswers()) }
        dropIfLost(ingest)
    }

    private func flush(
        _ connection: BrokerConnection, event: (MosquittoEvent) -> Void
    ) {
        guard let client = connection.client, client.wantsWrite else { return }
        client.loopWrite(event)
        dropIfLost(connection)
    }

    /// Forgets a client whose socket is gone; a later attempt has a new one.
    private func dropIfLost(_ connection: BrokerConnection) {
        guard let client = connection.client, client.socketDescriptor == nil else { return }
        connection.lost(Clock.now(), isTakenOver: isTakenOver)
        isTakenOver = false
        if connection === control {
            isPublishRefused = false
            sequences.removeAll(keepingCapacity: true)
            logRequests.removeAll()
            feed(.controlDisconnected)
        } else {
            awaitedGrants.removeAll()
            feed(.ingestDisconnected)
        }
    }

    /// Says offline and closes both connections; PUBACKs of committed readings leave first.
    ///
    /// After a failure the ingest connection is only dropped: the broker delivers again what was
    /// read and not committed.
    private func sayGoodbye() {
        let now = Clock.now()
        if let client = control.client, control.isUp {
            let topic = configuration.topics.status(of: configuration.agent)
            let payload = StatusMessage.offline(
                agent: configuration.agent, version: AgentVersion.text)
            _ = try? client.publish(topic: topic, payload: payload, qos: 1, retain: true)
            try? client.disconnect()
            client.loopWrite(controlEvent)
        }
        // A process that was asked to end is no sign of a crash loop.
        for (bundle, _) in (try? store.models.shelf())?.trials ?? [:] where failure == nil {
            try? store.models.apply(.setStarts(bundle: bundle, 0))
        }
        if failure != nil {
            ingest.client?.closeAbruptly()
        } else if let client = ingest.client, ingest.isUp {
            try? client.disconnect()
            client.loopWrite(ingestEvent)
        }
        logger.info(
            "agent stopped",
            metadata: ["uptime_s": "\((now.monotonicMicros - startedMicros) / 1_000_000)"])
    }
}
