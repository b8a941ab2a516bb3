import EdgeProtocol
import Foundation
import Mosquitto
import Prognostics
import StrictJSON
import Synchronization
import TestSupport
import Zlib

/// The device's half of a pull, played from a list of entries over a real broker.
final class ScriptedAgent: Sendable {
    struct State: Sendable {
        var storeID = "store-1"
        /// Entries are numbered from 1.
        var entryCount = 0
        /// Answers that are not sent, to play a lossy network.
        var silences = 0
        var requests: [LogRequest] = []
        var isStopped = false
        /// Replaces the next answer's payload.
        var forged: [UInt8]?
        /// What the log holds; made up where there is none.
        var entries: [LogEntry] = []
    }

    let state: Mutex<State>
    private let done = DispatchGroup()

    init(broker: TestBroker, topics: Topics, agent: UnitIdentifier, state: State) throws {
        self.state = Mutex(state)
        let ready = DispatchSemaphore(value: 0)
        let port = Int32(broker.port)
        done.enter()
        let thread = Thread { [self] in
            defer { done.leave() }
            do {
                let session = try MosquittoSession(
                    MosquittoConfiguration(
                        host: "127.0.0.1", port: port, clientIdentifier: "scripted-\(agent)"),
                    timeoutSeconds: 10)
                try session.subscribe(
                    topics.logRequests(to: agent), qos: 1, timeoutSeconds: 10)
                ready.signal()
                try answer(session, agent: agent)
            } catch {
                ready.signal()
            }
        }
        thread.start()
        guard ready.wait(timeout: .now() + 20) == .success else {
            throw TestSupportError("The scripted agent did not start.")
        }
    }

    func stop() {
        state.withLock { $0.isStopped = true }
        _ = done.wait(timeout: .now() + 10)
    }

    private func answer(_ session: MosquittoSession, agent: UnitIdentifier) throws {
        while !state.withLock({ $0.isStopped }) {
            guard let message = try session.nextMessage(timeoutSeconds: 0.05),
                let topic = message.responseTopic
            else { continue }
            let request = try LogRequest(payload: message.payload)
            let payload = try state.withLock { state -> [UInt8]? in
                state.requests.append(request)
                if state.silences > 0 {
                    state.silences -= 1
                    return nil
                }
                if let forged = state.forged { return forged }
                return try Self.page(request, of: state, agent: agent)
            }
            guard let payload else { continue }
            try session.publish(
                topic: topic, payload: payload, retain: false,
                properties: PublishProperties(correlationData: message.correlationData),
                timeoutSeconds: 10)
        }
        session.disconnect()
    }

    private static func page(
        _ request: LogRequest, of state: State, agent: UnitIdentifier
    ) throws -> [UInt8] {
        let after = request.storeID == state.storeID ? request.after : 0
        let last = min(Int64(state.entryCount), after + Int64(request.limit))
        let entries = try stride(from: after + 1, through: last, by: 1).map {
            state.entries.isEmpty ? try entry($0) : state.entries[Int($0) - 1]
        }
        let header = LogPage.Header(
            agent: agent, storeID: state.storeID, after: after, through: max(after, last),
            count: entries.count, more: last < state.entryCount)
        return try Gzip.compress(LogPage.lines(header, entries))
    }

    static func entry(_ sequence: Int64) throws -> LogEntry {
        guard let hash = Digest(hex: String(repeating: "0f", count: 32)) else {
            throw TestSupportError("64 digits are a digest.")
        }
        return .quarantine(
            QuarantineEntry(
                sequence: sequence, topic: "t/\(sequence)", reason: "scripted",
                payloadPrefix: [1], payloadSize: 1, payloadHash: hash, receivedAt: sequence))
    }
}
