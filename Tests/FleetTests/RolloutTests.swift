import EdgeProtocol
import Fleet
import Prognostics
import StrictJSON
import Testing

/// Asks how many agents a bad candidate reaches, and whether a killed rollout ends the same.
@Suite("Rollout")
struct RolloutTests {
    /// The shell around the machine: what is on record, and what the broker holds.
    struct Office {
        var fleet: SimulatedFleet
        /// On record: everything but this is forgotten by a kill.
        var record: String
        var rollout: Rollout
        var counter: Int64 = 1
        var offer: SimulatedFleet.Offer?
        var actions: [Rollout.Action] = []

        init(_ fates: [SimulatedFleet.Fate], _ plan: RolloutPlan) {
            fleet = SimulatedFleet(fates)
            rollout = Rollout(
                runID: "candidate", digest: SimulatedFleet.candidate, plan: plan, nowMillis: 0)
            record = rollout.json.text
        }

        /// One look; `isKilled` between the record and the broker.
        mutating func look(isKilled: Bool = false) throws {
            guard rollout.phase.isActive else { return publish() }
            let action = rollout.advance(fleet.agents, nowMillis: fleet.nowMillis)
            if case .offer(let audience) = action {
                counter += 1
                offer = SimulatedFleet.Offer(
                    digest: SimulatedFleet.candidate, counter: counter, audience: audience)
            }
            if case .wait = action {} else { actions.append(action) }
            record = rollout.json.text
            guard isKilled else { return publish() }
            rollout = try Rollout(json: JSON.parse(Array(record.utf8), limits: .standard))
        }

        private mutating func publish() {
            guard let offer else { return }
            if offer.audience == .all { fleet.selected = offer } else { fleet.rolloutOffer = offer }
        }

        /// Looks every five minutes until the rollout waits for nobody, or a week is over.
        mutating func run(killing: Set<Int> = []) throws {
            for step in 0..<2_016 where rollout.phase == .running {
                let isKilled = killing.contains(actions.count)
                try look(isKilled: isKilled && step % 2 == 0)
                fleet.pass(seconds: 300)
            }
        }
    }

    static func plan(
        canary: String = "5%", waves: String = "25%,50%",
        _ change: (inout RolloutPlan.Limits) -> Void = { _ in }
    ) throws -> RolloutPlan {
        var limits = RolloutPlan.Limits()
        change(&limits)
        return try RolloutPlan(canary: canary, waves: waves, limits: limits)
    }

    static func fates(
        _ count: Int, _ share: Double, _ fate: SimulatedFleet.Fate, seed: UInt64 = 1
    ) -> [SimulatedFleet.Fate] {
        var random = SeededGenerator(seed: seed)
        return (0..<count).map { _ in
            Double.random(in: 0..<1, using: &random) < share ? fate : .serves
        }
    }

    @Test("A good candidate reaches everybody in four stages, each after its soak and predictions")
    func good() throws {
        var office = Office(Self.fates(200, 0, .serves), try Self.plan())
        try office.run()
        #expect(office.rollout.phase == .complete)
        #expect(office.fleet.everServed == 200)
        let audiences = office.actions.compactMap { action -> ModelOffer.Audience? in
            if case .offer(let audience) = action { audience } else { nil }
        }
        #expect(audiences.count == 4 && audiences.last == .all)
        // Three soaks of 30 minutes lie between the four offers, and one before the end.
        #expect(office.fleet.nowMillis >= 4 * 1_800_000)
    }

    @Test(
        "A bad candidate halts at the canary, whatever makes it bad",
        arguments: [
            SimulatedFleet.Fate.refuses, .holds, .rollsBack, .fallsSilent, .isDeaf,
        ])
    func bad(fate: SimulatedFleet.Fate) throws {
        var office = Office(Self.fates(200, 1, fate), try Self.plan())
        try office.run()
        let rollout = office.rollout
        #expect(rollout.phase.name == "halted")
        #expect(rollout.audiences.count == 1)
        let canary = office.fleet.devices.count { rollout.hasReached($0.name) }
        let servers = fate == .rollsBack || fate == .fallsSilent ? canary : 0
        #expect(office.fleet.everServed == servers)
        #expect((1...20).contains(canary), "\(canary) agents are a twentieth of 200")
        print("bad candidate, all 200 agents \(fate): \(office.fleet.everServed) ever served it")
    }

    @Test(
        "Where every tenth agent rolls it back, it stays within the first quarter",
        arguments: 1...20)
    func partlyBad(seed: UInt64) throws {
        let fates = Self.fates(200, 0.1, .rollsBack, seed: seed)
        var office = Office(fates, try Self.plan())
        try office.run()
        #expect(office.rollout.phase.name == "halted")
        #expect(office.rollout.audiences.count <= 2)
        #expect(office.fleet.everServed <= 70)
        print("seed \(seed), 1 in 10 rolls back: \(office.fleet.everServed) of 200 ever served it")
    }

    @Test("Within the limits a failure does not halt, one more does")
    func limits() throws {
        for (failing, phase) in [(2, "complete"), (3, "halted")] {
            let fates = (0..<10).map { $0 < failing ? SimulatedFleet.Fate.refuses : .serves }
            var office = Office(
                fates, try Self.plan(canary: "a-9,a-10", waves: "") { $0.failureCountMax = 2 })
            try office.run()
            #expect(office.rollout.phase.name == phase, "\(failing) failures")
            #expect(office.fleet.everServed == 10 - failing)
        }
    }

    @Test("A report that comes late, within the deadline, holds nobody up for good")
    func late() throws {
        var office = Office(Self.fates(20, 0.5, .isLate), try Self.plan())
        try office.run()
        #expect(office.rollout.phase == .complete)
        var strict = Office(
            Self.fates(20, 1, .isLate), try Self.plan { $0.reportSeconds = 2_400 })
        try strict.run()
        #expect(strict.rollout.phase.name == "halted")
    }

    @Test("The same reports again change nothing")
    func duplicates() throws {
        var office = Office(Self.fates(50, 0.3, .isLate), try Self.plan())
        try office.look()
        office.fleet.pass(seconds: 60)
        try office.look()
        let before = office.rollout
        for _ in 0..<5 { try office.look() }
        #expect(office.rollout == before)
    }

    @Test("Killed between record and broker at any of its acts, it ends as if it had not been")
    func killed() throws {
        let fates = Self.fates(60, 0.02, .refuses, seed: 3)
        let plan = try Self.plan { $0.failureCountMax = 4 }
        var undisturbed = Office(fates, plan)
        try undisturbed.run()
        let acts = undisturbed.actions.count
        #expect(acts == 5)
        for act in 0..<acts {
            var office = Office(fates, plan)
            try office.run(killing: [act])
            #expect(office.actions == undisturbed.actions, "killed at act \(act)")
            #expect(office.counter == undisturbed.counter)
            #expect(office.fleet.devices.map(\.runs) == undisturbed.fleet.devices.map(\.runs))
            #expect(office.rollout.phase == undisturbed.rollout.phase)
        }
        var always = Office(fates, plan)
        try always.run(killing: Set(0..<acts))
        #expect(always.actions == undisturbed.actions)
    }

    @Test("Whatever the agents do, nobody outside of the offered audiences serves the candidate")
    func everyFate() throws {
        for seed in UInt64(1)...100 {
            var random = SeededGenerator(seed: seed)
            let fates = (0..<30).map { _ in
                Int.random(in: 0..<10, using: &random) > 0
                    ? SimulatedFleet.Fate.serves
                    : SimulatedFleet.Fate.allCases.randomElement(using: &random) ?? .serves
            }
            var office = Office(fates, try Self.plan { $0.failureCountMax = 2 })
            try office.run(killing: seed % 2 == 0 ? [0, 1, 2] : [])
            let rollout = office.rollout
            for device in office.fleet.devices where device.hasServedCandidate {
                #expect(rollout.hasReached(device.name), "seed \(seed), \(device.name)")
            }
            let reached = office.fleet.devices.filter { rollout.hasReached($0.name) }
            let bad = reached.count { $0.fate != .serves && $0.fate != .isLate }
            #expect(
                (rollout.phase == .complete) == (bad <= 2 && bad < reached.count),
                "seed \(seed): \(bad) bad, \(rollout.phase)")
        }
    }
}

/// Knuth's linear congruential generator with a mixed output: the same seed, the same fleet.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 }
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return (state ^ state >> 33) &* 0xff51_afd7_ed55_8ccd
    }
}
