import Dispatch
import EdgeCore
import EdgeProtocol
import Inference
import Prognostics
import Synchronization

/// The bounded queue between the network thread and the workers, and the workers themselves.
///
/// The network thread submits and takes answers; a full queue makes ``submit(_:)`` wait, which
/// stops the socket reads: nothing is dropped to make room. Any worker takes any job, so answers
/// come in any order; the machine puts them where they belong.
final class Workers: Sendable {
    /// What a worker can be given.
    enum Job: Sendable {
        case score(ScoringJob)
        case verify(BundleCandidate)
        /// A stored bundle is checked again.
        case load(bundle: Digest, bytes: [UInt8])
        case shadow(ShadowSlice)
    }

    /// What a worker answers.
    enum Answer: Sendable {
        case scored(ticket: Int, Prediction, latencyMicros: Int64, runMicros: Int64)
        case verified(Digest, VerificationOutcome)
        case loaded(Digest, VerificationOutcome)
        case shadowed(ShadowSlice.Outcome)
    }

    private struct Shared {
        /// A ring of the jobs that wait; a stopping worker finds it empty.
        var ring: [Job?]
        var head = 0
        var count = 0
        /// Jobs in the ring that the network thread's batch waits for.
        var scoreCount = 0
        var depthMax = 0
        var answers: [Answer] = []
        /// Whether ``Workers/answered`` was signalled for them.
        var isAnnounced = false
    }

    /// So many answers are worth waking the network thread for while windows wait.
    private static let answersAtOnce = 64

    private let shared: Mutex<Shared>
    private let places: DispatchSemaphore
    private let jobs = DispatchSemaphore(value: 0)
    private let answered = DispatchSemaphore(value: 0)
    private let wake: WakeDescriptor

    /// Creates the queue with `queueMax` places; ``start(count:)`` starts the threads.
    init(queueMax: Int, wake: WakeDescriptor) {
        shared = Mutex(Shared(ring: Array(repeating: nil, count: queueMax)))
        places = DispatchSemaphore(value: queueMax)
        self.wake = wake
    }

    /// Starts the workers; they end when ``stop(_:)`` is called.
    func start(count: Int) -> [NamedThread] {
        (1...count).map { number in NamedThread.start("nacelle-work-\(number)") { self.work() } }
    }

    /// Lets the workers finish what waits, then ends them.
    func stop(_ threads: [NamedThread]) {
        for _ in threads { jobs.signal() }
        for thread in threads { thread.join() }
    }

    /// Queues a job; waits while the queue is full.
    func submit(_ job: Job) {
        places.wait()
        shared.withLock { shared in
            shared.ring[(shared.head + shared.count) % shared.ring.count] = job
            shared.count += 1
            if case .score = job { shared.scoreCount += 1 }
            shared.depthMax = max(shared.depthMax, shared.count)
        }
        jobs.signal()
    }

    /// Waits until many answers are there or no window waits for a worker, then takes them all.
    ///
    /// Who waits is not woken for each: at the latest the last answer is announced.
    /// - Precondition: A window was submitted whose score has not been taken.
    func waitForAnswers() -> [Answer] {
        answered.wait()
        return shared.withLock { shared in
            shared.isAnnounced = false
            return Self.drain(&shared)
        }
    }

    /// Takes the answers that are there, maybe none.
    func takeAnswers() -> [Answer] {
        let (answers, wasAnnounced) = shared.withLock { shared in
            let wasAnnounced = shared.isAnnounced
            shared.isAnnounced = false
            return (Self.drain(&shared), wasAnnounced)
        }
        // The signal comes right after the announcement.
        if wasAnnounced { answered.wait() }
        return answers
    }

    private static func drain(_ shared: inout Shared) -> [Answer] {
        let answers = shared.answers
        shared.answers.removeAll(keepingCapacity: true)
        return answers
    }

    /// The most jobs that waited at once since the last call.
    func takeDepthMax() -> Int {
        shared.withLock { shared in
            defer { shared.depthMax = shared.count }
            return shared.depthMax
        }
    }

    private func work() {
        while true {
            jobs.wait()
            let job = shared.withLock { shared -> Job? in
                guard shared.count > 0 else { return nil }
                let job = shared.ring[shared.head]
                shared.ring[shared.head] = nil
                shared.head = (shared.head + 1) % shared.ring.count
                shared.count -= 1
                if case .score = job { shared.scoreCount -= 1 }
                return job
            }
            guard let job else { return }
            places.signal()
            perform(job)
        }
    }

    private func perform(_ job: Job) {
        switch job {
        case .score(let job):
            // Processor time: what else the machine does is not the model's fault.
            let start = Clock.threadMicros()
            let prediction = job.plan.run(job.input)
            let run = Clock.threadMicros() - start
            let latency = Clock.monotonicMicros() - job.receivedAt.monotonicMicros
            return answer(
                .scored(ticket: job.ticket, prediction, latencyMicros: latency, runMicros: run))
        case .verify(let candidate):
            answer(.verified(candidate.offer.digest, candidate.verify()))
        case .load(let bundle, let bytes):
            answer(.loaded(bundle, BundleCandidate.reload(bytes, digest: bundle)))
        case .shadow(let slice): answer(.shadowed(slice.run()))
        }
        // Nobody waits in a batch for these: the network thread may be asleep.
        wake.signal()
    }

    private func answer(_ answer: Answer) {
        let announces = shared.withLock { shared in
            shared.answers.append(answer)
            guard !shared.isAnnounced,
                shared.scoreCount == 0 || shared.answers.count >= Self.answersAtOnce
            else { return false }
            shared.isAnnounced = true
            return true
        }
        if announces { answered.signal() }
    }
}
