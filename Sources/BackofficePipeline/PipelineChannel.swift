import EdgeProtocol
import Glibc
import Mosquitto
import Prognostics
import Registry

/// Announces what happens in the pipeline, and hears of it.
///
/// The registry knows all of it already: a broker that is away costs time, never work.
final class PipelineChannel {
    /// Seconds until an unreachable broker is tried again.
    private static let retrySeconds = 10

    /// Nil announces nothing and hears nothing.
    private let broker: FleetBroker?
    private let listens: Bool
    private let progress: ProgressReport
    private let clock = ContinuousClock()
    private var session: FleetSession?
    private var nextTry: ContinuousClock.Instant
    /// Whether the broker was away the last time: that is said once.
    private var isAway = false

    init(broker: FleetBroker?, listens: Bool, progress: ProgressReport) {
        self.broker = broker
        self.listens = listens
        self.progress = progress
        nextTry = clock.now
    }

    /// Says where a data set is that is to be trained on.
    func announce(_ check: ClaimCheck) {
        send { (topic: $0.trainingData, payload: check.payload) }
    }

    /// Says how a run ended, unless it goes on or ended long ago.
    func announce(_ run: Run) {
        guard let runID = UnitIdentifier(run.runID), let configHash = Digest(hex: run.configHash)
        else { return }
        let status: TrainingOutcome.Status
        switch run.status {
        case .running: return
        case .success: status = .success
        case .failed: status = .failed(reason: run.reason)
        }
        let outcome = TrainingOutcome(
            runID: runID, modelType: run.modelType, configHash: configHash, status: status)
        send { (topic: $0.modelTraining, payload: outcome.payload) }
    }

    /// Waits until something is announced, at most so long; says what it was.
    func listen(seconds: Double) -> Bool {
        guard let session = connected() else {
            usleep(UInt32(seconds * 1_000_000))
            return false
        }
        do {
            guard let message = try session.session.nextMessage(timeoutSeconds: seconds) else {
                return false
            }
            return note(message)
        } catch {
            lose(error)
            return false
        }
    }

    private func note(_ message: MosquittoSession.Message) -> Bool {
        do throws(PipelineMessageError) {
            if message.topic == session?.topics.trainingData {
                let check = try ClaimCheck(payload: message.payload)
                progress.step("Training data \(check.configHash.description.prefix(16)) announced")
            } else {
                let outcome = try TrainingOutcome(payload: message.payload)
                let word = outcome.status == .success ? "SUCCESS" : "FAILED"
                progress.step("\(outcome.modelType) is \(word) (run \(outcome.runID))")
            }
            return true
        } catch {
            progress.step("A message on \(message.topic) is ignored: \(error)")
            return false
        }
    }

    private func send(_ message: (Topics) -> (topic: String, payload: [UInt8])) {
        guard let session = connected() else { return }
        let (topic, payload) = message(session.topics)
        do {
            try session.session.publish(
                topic: topic, payload: payload, retain: false,
                timeoutSeconds: FleetBroker.answerSecondsMax)
            // Who does not listen has no turns that would keep the connection alive.
            if !listens { self.session = nil }
        } catch {
            lose(error)
        }
    }

    private func connected() -> FleetSession? {
        if let session { return session }
        guard let broker, clock.now >= nextTry else { return nil }
        do {
            let session = try broker.connect()
            if listens {
                for topic in [session.topics.trainingData, session.topics.modelTraining] {
                    try session.session.subscribe(
                        topic, qos: 1, timeoutSeconds: FleetBroker.answerSecondsMax)
                }
            }
            self.session = session
            isAway = false
            return session
        } catch {
            lose(error)
            return nil
        }
    }

    private func lose(_ error: any Error) {
        session = nil
        nextTry = clock.now + .seconds(Self.retrySeconds)
        if !isAway {
            progress.step(
                "Nothing is announced for now: \(error) The registry has it all the same.")
        }
        isAway = true
    }
}
