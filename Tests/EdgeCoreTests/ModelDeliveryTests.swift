import EdgeCore
import EdgeProtocol
import Features
import Prognostics
import Simulation
import StrictJSON
import Testing

@Suite("Model delivery")
struct ModelDeliveryTests {
    let old: ActiveModel
    let new: ActiveModel

    init() throws {
        old = try Fixture.model("a")
        new = try Fixture.model("b")
    }

    /// A connected device that runs `old` since an offer with counter 5.
    func device() throws -> SimulatedDevice {
        var device = try SimulatedDevice()
        device.feed(.controlConnected(Fixture.now()))
        try device.push(old, counter: 5)
        #expect(device.core.activeRunID == "run-a")
        device.models[new.digest] = new
        return device
    }

    static func report(_ device: SimulatedDevice) throws -> JSONReader {
        try JSONReader(parsing: try #require(device.reports.last))
    }

    static func reason(_ device: SimulatedDevice) throws -> String {
        (try? report(device).string("reason")) ?? ""
    }

    func offer(
        _ device: inout SimulatedDevice, _ model: ActiveModel, counter: Int64,
        isAuthentic: Bool = true, fleet: String = "FD001",
        spec: String = FeatureSpec.identifier, expires: Int64 = 1_000_000_000,
        audience: ModelOffer.Audience = .all, blockCount: Int = 3
    ) throws {
        let offer = try Fixture.offer(
            model, counter: counter, blockCount: blockCount, fleet: fleet, spec: spec,
            expires: expires, audience: audience)
        device.feed(.offer(try Fixture.receipt(offer, isAuthentic: isAuthentic), Fixture.now()))
    }

    // MARK: From offer to activation

    @Test("An offer is accepted, its blocks fetched and stored, verified and activated")
    func delivery() throws {
        var device = try device()
        try offer(&device, new, counter: 6)
        #expect(device.subscribedBlocks == [0, 1, 2])
        #expect(try Self.report(device).string("state") == "fetching")
        #expect(try Self.report(device).object("target").string("run_id") == "run-b")
        for index in [2, 0] { device.sendBlock(index, of: new) }
        #expect(device.subscribedBlocks == [1])
        #expect(device.store.blocks[new.digest]?.count == 2)
        device.sendBlock(1, of: new)
        #expect(device.core.activeRunID == "run-b")
        #expect(device.store.shelf.active == new.digest)
        #expect(device.store.shelf.fallback == old.digest)
        let report = try Self.report(device)
        #expect(try report.string("state") == "active")
        #expect(try report.object("reported").string("run_id") == "run-b")
        #expect(try report.value("reason") == .null)
        #expect(try report.array("missing_blocks").isEmpty)
    }

    @Test("A block that comes again changes nothing")
    func repeatedBlock() throws {
        var device = try device()
        try offer(&device, new, counter: 6)
        device.sendBlock(0, of: new)
        device.effects = []
        device.sendBlock(0, of: new)
        device.feed(
            .block(
                bundle: new.digest, index: 1, bytes: [], digest: Fixture.digest(of: []),
                Fixture.now()))
        device.sendBlock(1, of: old)
        #expect(device.effects.isEmpty)
    }

    @Test("A block with a flipped bit is not stored, is reported, and the right one is taken")
    func damagedBlock() throws {
        var device = try device()
        try offer(&device, new, counter: 6)
        device.sendBlock(1, of: new, changed: true)
        #expect(device.store.blocks[new.digest] == nil)
        #expect(try Self.reason(device).hasPrefix("Block 1 has"))
        #expect(device.core.activeRunID == "run-a")
        for index in 0..<3 { device.sendBlock(index, of: new) }
        #expect(device.core.activeRunID == "run-b")
    }

    @Test("A retained offer that comes again starts nothing again")
    func repeatedOffer() throws {
        var device = try device()
        try offer(&device, new, counter: 6)
        device.sendBlock(0, of: new)
        let missing = device.subscribedBlocks
        try offer(&device, new, counter: 6)
        #expect(device.subscribedBlocks == missing)
        for index in 1..<3 { device.sendBlock(index, of: new) }
        device.effects = []
        try offer(&device, new, counter: 6)
        for effect in device.effects {
            guard case .publishRetained = effect else {
                Issue.record("\(effect) after an offer that is served")
                continue
            }
        }
        #expect(device.core.activeRunID == "run-b")
    }

    @Test("A cleared offer changes nothing")
    func clearedOffer() throws {
        var device = try device()
        device.effects = []
        device.feed(.offer(OfferReceipt(bytes: [], isAuthentic: false), Fixture.now()))
        #expect(device.effects.isEmpty)
    }

    // MARK: Refusals

    @Test("An offer that must not be obeyed is refused with its reason; the old model goes on")
    func refusals() throws {
        let refusals: [(String, (inout SimulatedDevice) throws -> Void)] = [
            ("No trusted key", { try offer(&$0, new, counter: 6, isAuthentic: false) }),
            ("The offer is for fleet", { try offer(&$0, new, counter: 6, fleet: "FD002") }),
            (
                "The bundle needs feature spec",
                { try offer(&$0, new, counter: 6, spec: "turbofan-features/3") }
            ),
            ("The offer's counter is 4", { try offer(&$0, new, counter: 4) }),
            ("Another offer with counter 5", { try offer(&$0, new, counter: 5) }),
            ("The offer expired at", { try offer(&$0, new, counter: 6, expires: 999) }),
            (
                "The offer has 3 bytes",
                { $0.feed(.offer(.init(bytes: [1, 2, 3], isAuthentic: true), Fixture.now())) }
            ),
            (
                "The offer is not a JSON object",
                {
                    let bytes = [UInt8](repeating: 1, count: 70)
                    $0.feed(.offer(.init(bytes: bytes, isAuthentic: true), Fixture.now()))
                }
            ),
        ]
        for (reason, act) in refusals {
            var device = try device()
            let shelf = device.store.shelf.accepted
            try act(&device)
            #expect(try Self.reason(device).hasPrefix(reason))
            #expect(device.core.activeRunID == "run-a")
            #expect(device.store.shelf.accepted == shelf, "\(reason)")
            #expect(device.store.shelf.counter == 5)
            #expect(device.subscribedBlocks.isEmpty)
            #expect(try Self.report(device).object("reported").string("run_id") == "run-a")
        }
    }

    @Test("An offer to other agents is none of this one's business")
    func otherAudience() throws {
        var device = try device()
        device.effects = []
        let others = ModelOffer.Audience.agents([try Fixture.unit("edge-2")])
        try offer(&device, new, counter: 6, audience: others)
        try offer(&device, new, counter: 7, audience: .share(0, salt: "x"))
        #expect(device.effects.isEmpty)
        #expect(device.store.shelf.counter == 5)
        let us = ModelOffer.Audience.agents([try Fixture.unit("edge-1")])
        try offer(&device, new, counter: 8, audience: us)
        #expect(device.store.shelf.counter == 8)
    }

    @Test("Beside a rollout's offer the promoted model's stands unheard, until it comes anew")
    func rollout() throws {
        var device = try device()
        let name = try Fixture.identity().agent
        try offer(&device, new, counter: 6, audience: .agents([name]))
        for index in 0..<3 { device.sendBlock(index, of: new) }
        #expect(device.core.activeRunID == "run-b")
        device.effects = []
        try offer(&device, old, counter: 5)
        #expect(device.effects.isEmpty, "no refusal for what stands beside it by right")
        // The next wave, and the way back.
        try offer(&device, new, counter: 7)
        #expect(device.core.activeRunID == "run-b")
        try offer(&device, old, counter: 6)
        #expect(try Self.reason(device).contains("this agent has accepted 7"))
        try offer(&device, old, counter: 8)
        #expect(device.core.activeRunID == "run-a")
    }

    @Test("A bundle that fails its verification is refused for good under this counter")
    func failedVerification() throws {
        var device = try device()
        device.broken[new.digest] = "Its golden trajectories differ."
        try device.push(new, counter: 6)
        #expect(device.core.activeRunID == "run-a")
        #expect(try Self.report(device).string("state") == "refused")
        #expect(try Self.reason(device) == "Its golden trajectories differ.")
        #expect(device.store.shelf.refusals.map(\.counter) == [6])
        #expect(device.store.blocks[new.digest] == nil)

        // The retained offer again, and again after a restart: nothing is fetched.
        try offer(&device, new, counter: 6)
        _ = try device.restart()
        device.feed(.controlConnected(Fixture.now()))
        try offer(&device, new, counter: 6)
        #expect(device.subscribedBlocks.isEmpty)
        #expect(try Self.report(device).string("state") == "refused")
        #expect(device.core.activeRunID == "run-a")

        // A new offer of the same bundle is a new decision of the back office.
        device.broken = [:]
        try device.push(new, counter: 7)
        #expect(device.core.activeRunID == "run-b")
    }

    @Test("The counter outlives a restart: an older offer is refused afterwards too")
    func durableCounter() throws {
        var device = try device()
        _ = try device.restart()
        device.feed(.controlConnected(Fixture.now()))
        try offer(&device, new, counter: 4)
        #expect(try Self.reason(device).hasPrefix("The offer's counter is 4"))
        #expect(device.core.activeRunID == "run-a")
    }

    // MARK: Interruptions

    @Test("After a restart only the blocks that lack are asked for", arguments: [0, 1, 2])
    func resume(stored: Int) throws {
        var device = try device()
        try offer(&device, new, counter: 6)
        for index in 0..<stored { device.sendBlock(index, of: new) }
        _ = try device.restart()
        #expect(device.core.activeRunID == "run-a")
        device.feed(.controlConnected(Fixture.now()))
        #expect(device.subscribedBlocks == Set(stored..<3))
        #expect(
            try Self.report(device).array("missing_blocks")
                == (stored..<3).map { .integer($0) })
        for index in stored..<3 { device.sendBlock(index, of: new) }
        #expect(device.core.activeRunID == "run-b")
    }

    @Test("A restart during the verification verifies again")
    func resumeVerification() throws {
        var device = try device()
        device.holdsVerification = true
        try device.push(new, counter: 6)
        #expect(device.heldVerifications == [new.digest])
        _ = try device.restart()
        device.feed(.controlConnected(Fixture.now()))
        #expect(device.heldVerifications == [new.digest])
        device.finishVerification(of: new.digest)
        #expect(device.core.activeRunID == "run-b")
    }

    @Test("A newer offer replaces the one that is being fetched")
    func newerWhileFetching() throws {
        let newest = try Fixture.model("c")
        var device = try device()
        try offer(&device, new, counter: 6, blockCount: 5)
        device.sendBlock(0, of: new, blockCount: 5)
        device.models[newest.digest] = newest
        try offer(&device, newest, counter: 7, blockCount: 2)
        #expect(device.subscribedBlocks == [0, 1])
        #expect(device.store.blocks[new.digest] == nil)
        device.sendBlock(1, of: new, blockCount: 5)
        #expect(device.store.blocks[new.digest] == nil)
        for index in 0..<2 { device.sendBlock(index, of: newest, blockCount: 2) }
        #expect(device.core.activeRunID == "run-c")
    }

    @Test("A newer offer during a verification makes its outcome meaningless")
    func newerWhileVerifying() throws {
        let newest = try Fixture.model("c")
        var device = try device()
        device.holdsVerification = true
        try device.push(new, counter: 6)
        try offer(&device, newest, counter: 7)
        device.finishVerification(of: new.digest)
        #expect(device.core.activeRunID == "run-a")
        #expect(try Self.report(device).object("target").string("run_id") == "run-c")
    }

    @Test("Going back to the active model while fetching another asks for nothing more")
    func backToActive() throws {
        var device = try device()
        try offer(&device, new, counter: 6)
        #expect(device.subscribedBlocks == [0, 1, 2])
        try offer(&device, old, counter: 7)
        #expect(device.subscribedBlocks.isEmpty)
        #expect(device.core.activeRunID == "run-a")
        let report = try Self.report(device)
        #expect(try report.string("state") == "active")
        #expect(try report.array("missing_blocks").isEmpty)
        #expect(try report.object("target").string("run_id") == "run-a")
        #expect(device.store.shelf.counter == 7)
    }

    @Test("The fallback, offered again under a higher counter, needs no blocks")
    func rollback() throws {
        var device = try device()
        try device.push(new, counter: 6)
        #expect(device.core.activeRunID == "run-b")
        try offer(&device, old, counter: 7)
        #expect(device.subscribedBlocks.isEmpty)
        #expect(device.core.activeRunID == "run-a")
        #expect(device.store.shelf.active == old.digest)
        #expect(device.store.shelf.fallback == new.digest)
    }

    @Test("Two slots keep their blocks, everything else is deleted")
    func slots() throws {
        let newest = try Fixture.model("c")
        var device = try device()
        try device.push(new, counter: 6)
        try device.push(newest, counter: 7)
        #expect(Set(device.store.blocks.keys) == [new.digest, newest.digest])
    }

    // MARK: A full disk

    @Test("A change that could not be stored stalls the delivery until the offer comes again")
    func notStored() throws {
        var device = try device()
        device.modelChangesToFail = 1
        try offer(&device, new, counter: 6)
        #expect(try Self.reason(device) == "The disk is full.")
        #expect(device.subscribedBlocks.isEmpty)
        #expect(device.store.shelf.counter == 5)
        try device.batch("7", 1...2)
        #expect(device.store.readings.last?.scoring?.runID == "run-a", "ingest goes on")
        let subscriptions = { (device: SimulatedDevice) -> [[String]] in
            device.effects.compactMap {
                if case .subscribe(let topics) = $0 { topics } else { nil }
            }
        }
        device.effects = []
        device.feed(.tick(Fixture.now(seconds: 5)))
        #expect(subscriptions(device).isEmpty)
        device.feed(.tick(Fixture.now(seconds: 6)))
        #expect(subscriptions(device) == [try Fixture.identity().topics.offers])
        try device.push(new, counter: 6)
        #expect(device.core.activeRunID == "run-b")
    }

    @Test("A block that could not be stored is fetched once more", arguments: [1, 2, 3, 4])
    func blockNotStored(failing: Int) throws {
        var device = try device()
        try offer(&device, new, counter: 6)
        for index in 0..<3 {
            device.modelChangesToFail = index + 1 == failing ? 1 : 0
            device.failsActivation = failing == 4
            device.sendBlock(index, of: new)
        }
        device.modelChangesToFail = 0
        device.failsActivation = false
        device.feed(.tick(Fixture.now(seconds: 6)))
        try device.push(new, counter: 6)
        #expect(device.core.activeRunID == "run-b")
        #expect(device.store.shelf.active == new.digest)
    }

    // MARK: Asking again

    @Test("Missing blocks are asked for again with growing pauses, at most five minutes apart")
    func backOff() throws {
        var device = try device()
        try offer(&device, new, counter: 6)
        device.sendBlock(0, of: new)
        var asked: [Int64] = []
        for seconds in Int64(2)...1_500 {
            device.effects = []
            device.feed(.tick(Fixture.now(seconds: seconds)))
            for case .subscribeBlocks(_, let indices) in device.effects {
                #expect(indices == [1, 2])
                asked.append(seconds)
            }
        }
        let pauses = zip([1] + asked, asked).map { $1 - $0 }
        #expect(pauses == [5, 10, 20, 40, 80, 160, 300, 300, 300])
    }

    @Test("A new connection asks for what lacks at once")
    func reconnect() throws {
        var device = try device()
        try offer(&device, new, counter: 6)
        device.sendBlock(0, of: new)
        device.feed(.controlDisconnected)
        device.subscribedBlocks = []
        device.feed(.controlConnected(Fixture.now(seconds: 2)))
        #expect(device.subscribedBlocks == [1, 2])
    }

    @Test("A verification nobody asked for changes nothing")
    func unaskedVerification() throws {
        var device = try device()
        device.effects = []
        device.feed(.verified(bundle: new.digest, .passed(new), Fixture.now()))
        device.feed(
            .verified(bundle: new.digest, .failed(reason: "It is broken."), Fixture.now()))
        #expect(device.effects.isEmpty)
        #expect(device.core.activeRunID == "run-a")
    }
}
