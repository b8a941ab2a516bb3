import EdgeCore
import EdgeProtocol
import Features
import Inference
package import Prognostics

/// Sensors, maintenance, a broker, a back office and one device, all driven by one seed.
///
/// The device is the real ``EdgeCore`` in a shell that performs its effects as the agent does; what
/// is simulated is everything that the agent does not decide.
package struct SimulationWorld {
    package let seed: UInt64
    let plan: FaultPlan
    let sabotage: Sabotage
    let disk: any SimulatedStore
    /// The digest of readings and refused payloads.
    let digest: @Sendable ([UInt8]) -> Digest
    var random: SplitMix64
    package internal(set) var coverage = Coverage()
    package internal(set) var trace: SimulationTrace
    package internal(set) var checker = Checker(models: SampleBundle.all.map(\.model))

    var broker: SimulatedBroker
    var clock = SimulatedClock()
    var fleet: Fleet
    var backOffice: BackOffice
    var puller = Puller()
    var life: SimulatedLife
    /// No more faults from now on.
    var isCalm = false

    /// A run whose store is in memory.
    package init(seed: UInt64, sabotage: Sabotage = .none, isTraced: Bool = false) {
        var random = SplitMix64(seed: seed)
        let plan = FaultPlan(seed: seed, random: &random)
        self.init(
            seed: seed, plan: plan, disk: MemoryDisk(plan: plan, sabotage: sabotage, seed: seed),
            random: random, sabotage: sabotage, isTraced: isTraced,
            digest: { StandInHash.digest(of: $0) })
    }

    /// A run on a store of the caller's, which may look at the digests of snapshots.
    package init(
        seed: UInt64, disk: any SimulatedStore, isTraced: Bool = false,
        digest: @escaping @Sendable ([UInt8]) -> Digest
    ) {
        var random = SplitMix64(seed: seed)
        let plan = FaultPlan(seed: seed, random: &random)
        self.init(
            seed: seed, plan: plan, disk: disk, random: random, sabotage: .none,
            isTraced: isTraced, digest: digest)
    }

    private init(
        seed: UInt64, plan: FaultPlan, disk: any SimulatedStore, random: SplitMix64,
        sabotage: Sabotage, isTraced: Bool, digest: @escaping @Sendable ([UInt8]) -> Digest
    ) {
        self.digest = digest
        self.seed = seed
        self.plan = plan
        self.sabotage = sabotage
        self.disk = disk
        self.random = random
        trace = SimulationTrace(isOn: isTraced)
        broker = SimulatedBroker(queueMax: plan.queueMax)
        fleet = Fleet(unitCount: plan.unitCount)
        backOffice = BackOffice(plan: plan, random: &self.random)
        life = SimulatedLife(residentUnitsMax: plan.residentUnitsMax, storeID: disk.storeID)
        trace.note("seed \(seed): \(plan)")
    }

    /// Runs to the end, or to the first contradiction; says what it was.
    package mutating func run() -> String? {
        if plan.clock, random.oneIn(2) {
            coverage.count(.clockAt1970)
            clock.setWall(millis: Int64(random.below(100_000)))
        }
        start(.orderly)
        for _ in 0..<plan.steps where checker.violation == nil {
            step()
            if life.isDead { restart() }
        }
        if checker.violation == nil { settle() }
        if let violation = checker.violation { trace.note("VIOLATION: \(violation)") }
        coverage.add(disk.coverage)
        coverage.add(checker.coverage)
        trace.note(checker.summary)
        return checker.violation
    }

    // MARK: Steps

    private mutating func step() {
        clock.advance(millis: Int64(random.below(1_500)))
        switch random.below(24) {
        case 0...7: publish()
        case 8...13: serveIngest()
        case 14, 15: serveControl(1 + random.below(6))
        case 16: confirm(random.below(40))
        case 17: runWorker()
        case 18: tick()
        case 19: if plan.models, random.oneIn(3) { release() } else { runWorker() }
        case 20: if plan.pulls { pull() }
        case 21: disturbConnections()
        case 22: disturbBroker()
        default: disturbDevice()
        }
        if !broker.isIngestUp, !life.isDead, !random.oneIn(4) { connectIngest() }
        if !broker.isControlUp, !life.isDead, !random.oneIn(4) { connectControl() }
    }

    mutating func publish() {
        for publication in fleet.publish(plan, &random, &coverage) {
            let start = publication.payload.prefix(40)
            trace.note(
                "publish \(publication.topic) \(String(decoding: start, as: UTF8.self))")
            let loses = plan.transport && random.oneIn(4)
            broker.publish(publication, loses: loses, coverage: &coverage)
            if publication.isDoubled {
                coverage.count(.duplicatedByPublisher)
                broker.publish(publication, loses: false, coverage: &coverage)
            }
        }
    }

    mutating func tick() {
        switch random.below(8) {
        case 0: clock.advance(millis: 600_000)
        case 1, 2: clock.advance(millis: 60_000)
        default: clock.advance(millis: Int64(random.below(8_000)))
        }
        feed(.tick(clock.now))
    }

    // MARK: Trouble

    private func happens(_ kind: Bool, oneIn count: Int, _ random: inout SplitMix64) -> Bool {
        kind && !isCalm && random.oneIn(count)
    }

    private mutating func disturbConnections() {
        guard plan.connections else { return }
        switch random.below(7) {
        case 0:
            trace.note("ingest connection lost")
            dropIngest()
        case 1:
            trace.note("control connection lost")
            if !broker.unconfirmed.isEmpty { coverage.count(.confirmationLost) }
            dropControl()
        case 2: broker.isIngestHalfOpen = broker.isIngestUp
        case 3: broker.isControlHalfOpen = broker.isControlUp
        case 4: if broker.isIngestHalfOpen { dropIngest() }
        case 5: if broker.isControlHalfOpen { dropControl() }
        default:
            trace.note("broker restarts")
            coverage.count(.brokerRestart)
            dropIngest()
            dropControl()
        }
    }

    private mutating func disturbBroker() {
        switch random.below(6) {
        case 0 where plan.connections && random.oneIn(4):
            trace.note("session lost")
            coverage.count(.sessionLost)
            dropIngest()
            broker.loseSession()
        case 1 where plan.attacks:
            let all = broker.retainedBlocks.keys.sorted { $0.description < $1.description }
            guard let bundle = all.first else { return }
            trace.note("blocks vanish")
            coverage.count(.blocksVanished)
            broker.retainedBlocks[random.pick(all + [bundle])] = nil
        case 2 where plan.models: repairPush()
        case 3 where plan.attacks: attack()
        case 4 where plan.pulls:
            coverage.count(.strangeCursor)
            broker.send(
                .logRequest(
                    LogRequest(storeID: "other", after: 1_000, limit: 5),
                    responseTopic: life.responseTopic))
        default: broker.send(.overwrittenStatus)
        }
    }

    private mutating func disturbDevice() {
        switch random.below(6) {
        case 0 where plan.crashes, 1 where plan.crashes:
            // Somewhere in what comes next, between two effects.
            life.deathAfter = random.below(30)
        case 2 where plan.crashes: die(.powerCut)
        case 3 where random.oneIn(3):
            life.isDead = true
            life.end = .orderly
        case 4 where plan.clock:
            coverage.count(.clockJump)
            let jumps: [Int64] = [-86_400_000, -3_600_000, 3_600_000, 40_000_000_000]
            clock.jump(millis: random.pick(jumps))
            trace.note("clock jumps to \(clock.now.wallMillis)")
        default: break
        }
    }

    /// The process ends here, unasked.
    mutating func die(_ end: ProcessEnd) {
        guard !life.isDead else { return }
        trace.note("process ends: \(end)")
        coverage.count(end == .powerCut ? .powerCut : .crash)
        if life.isBatchOpen { coverage.count(.crashInBatch) }
        if life.hasCommitted { coverage.count(.crashAfterCommit) }
        life.isDead = true
        life.end = end
    }

    // MARK: Checks

    /// Shows the checker what the disk holds of the batch that the device has read.
    mutating func settleBatch() {
        let releases = disk.takeReleased()
        for (entry, isCounted) in releases { checker.released([entry], isCounted: isCounted) }
        let (entries, accounting) = disk.inspect(after: checker.lastSequence)
        checker.settle(entries, accounting, runID: life.servingRunID)
    }
}

/// What the clocks of the device say.
struct SimulatedClock {
    /// Some day in 2026, in milliseconds since 1970: what everybody else's clock says.
    private static let start: Int64 = 1_790_000_000_000

    private var micros: Int64 = 1_000_000
    /// What the device's wall clock adds to the truth.
    private var error: Int64 = 0
    private(set) var trueMillis = Self.start

    var now: Instant {
        Instant(wallMillis: max(0, trueMillis + error), monotonicMicros: micros)
    }

    mutating func advance(millis: Int64) {
        micros += millis * 1_000
        trueMillis += millis
    }

    mutating func jump(millis: Int64) { error += millis }

    mutating func setWall(millis: Int64) { error = millis - trueMillis }

    mutating func correct() { error = 0 }

    /// The clock that never jumps counts from the start of the machine.
    mutating func reboot() { micros = 1_000_000 }
}

/// What happened in a run, line by line; the same seed gives the same bytes.
package struct SimulationTrace {
    package let isOn: Bool
    package private(set) var text = ""

    mutating func note(_ line: @autoclosure () -> String) {
        guard isOn else { return }
        text += line()
        text += "\n"
    }
}
