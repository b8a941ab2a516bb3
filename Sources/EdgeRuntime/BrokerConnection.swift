import EdgeCore
import Mosquitto

/// One connection that is opened again with jittered back-off for as long as the agent runs.
///
/// Every attempt has a client of its own: what was in flight on the one before is known to be gone.
///
///     waiting ──due──▶ connecting ──connected──▶ up ──lost──▶ waiting
final class BrokerConnection {
    /// The last words of an agent that stands back arrive within this time.
    private static let settledMicros: Int64 = 5_000_000

    /// The client of the current attempt; `nil` while waiting.
    private(set) var client: MosquittoClient?
    /// When the broker accepted the current attempt; `nil` before it has.
    private var upSinceMicros: Int64?

    private let configuration: MosquittoConfiguration
    private var retryAtMicros: Int64 = 0
    private var backOff: ReconnectBackOff

    init(_ configuration: MosquittoConfiguration, seed: UInt64) {
        self.configuration = configuration
        backOff = ReconnectBackOff(seed: seed)
    }

    /// Starts the next attempt if its time has come.
    func openIfDue(_ now: Instant) throws(MosquittoError) {
        guard client == nil, now.monotonicMicros >= retryAtMicros else { return }
        let attempt = try MosquittoClient(configuration)
        try attempt.connect()
        client = attempt
    }

    /// Whether the broker has accepted the current attempt.
    var isUp: Bool { upSinceMicros != nil }

    /// Whether an attempt is under way.
    var isConnecting: Bool { client != nil && !isUp }

    /// Whether the broker accepted the current attempt so long ago that others had to notice.
    func isSettled(_ now: Instant) -> Bool {
        upSinceMicros.map { now.monotonicMicros - $0 >= Self.settledMicros } ?? false
    }

    /// The broker accepted the connection.
    func accepted(_ now: Instant) { upSinceMicros = now.monotonicMicros }

    /// The connection is gone, or the attempt failed: wait before the next one.
    func lost(_ now: Instant, isTakenOver: Bool = false) {
        let stood = upSinceMicros.map { now.monotonicMicros - $0 }
        retryAtMicros =
            now.monotonicMicros + backOff.delay(after: stood, isTakenOver: isTakenOver)
        client = nil
        upSinceMicros = nil
    }

    /// Microseconds until the next attempt; `nil` while one is under way.
    func waitMicros(_ now: Instant) -> Int64? {
        client == nil ? max(0, retryAtMicros - now.monotonicMicros) : nil
    }
}
