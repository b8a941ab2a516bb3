import EdgeCore
import EdgeProtocol
import Prognostics
import Simulation
import StrictJSON
import Testing

/// What whoever holds the broker, but no signing key, can try; and what a disk does by itself.
@Suite("Attacks on the model delivery")
struct DeliveryAttackTests {
    let old: ActiveModel
    let new: ActiveModel

    init() throws {
        old = try Fixture.model("a")
        new = try Fixture.model("b")
    }

    func device() throws -> SimulatedDevice {
        var device = try SimulatedDevice()
        device.feed(.controlConnected(Fixture.now()))
        try device.push(old, counter: 5)
        device.models[new.digest] = new
        return device
    }

    @Test("Rollback attack: no replay of an earlier offer brings an earlier model back")
    func rollback() throws {
        var device = try device()
        let first = try Fixture.receipt(try Fixture.offer(old, counter: 5))
        try device.push(new, counter: 6)
        for _ in 1...3 {
            device.feed(.offer(first, Fixture.now()))
            _ = try device.restart()
            device.feed(.controlConnected(Fixture.now()))
        }
        device.feed(.offer(first, Fixture.now()))
        #expect(device.core.activeRunID == "run-b")
        #expect(try ModelDeliveryTests.reason(device).hasPrefix("The offer's counter is 5"))
    }

    @Test("A damaged page that takes the accepted offer does not open the way back to older ones")
    func rollbackAfterDamage() throws {
        var device = try device()
        let first = try Fixture.receipt(try Fixture.offer(old, counter: 5))
        try device.push(new, counter: 6)
        device.store.salvage(losingOffers: true)
        _ = try device.restart()
        device.feed(.controlConnected(Fixture.now()))
        device.feed(.offer(first, Fixture.now()))
        #expect(device.core.activeRunID == "run-b")
        #expect(try ModelDeliveryTests.reason(device).hasPrefix("The offer's counter is 5"))
        #expect(device.store.shelf.accepted == nil)

        // The offer that was lost is taken once more; an older one is not, even then.
        let last = try Fixture.offer(new, counter: 6)
        device.feed(.offer(try Fixture.receipt(last), Fixture.now()))
        #expect(try device.store.shelf.accepted?.decode() == last)
        device.feed(.offer(first, Fixture.now()))
        #expect(device.core.activeRunID == "run-b")
        #expect(device.store.wholeShelf.counter == 6)
    }

    @Test("Freeze attack: once the last offer has expired the device says so, once, and goes on")
    func freeze() throws {
        var device = try device()
        let expiring = try Fixture.offer(new, counter: 6, expires: 50_000)
        device.feed(.offer(try Fixture.receipt(expiring), Fixture.now()))
        for index in 0..<3 { device.sendBlock(index, of: new) }
        func said(_ device: SimulatedDevice) -> Int {
            device.effects.count {
                if case .log(let line) = $0 { line.message == "offer expired" } else { false }
            }
        }
        device.feed(.tick(Fixture.now(seconds: 50)))
        #expect(said(device) == 0)
        for seconds in Int64(51)...70 { device.feed(.tick(Fixture.now(seconds: seconds))) }
        #expect(said(device) == 1)
        #expect(try ModelDeliveryTests.reason(device).hasPrefix("The offer expired at 50000"))
        #expect(try ModelDeliveryTests.report(device).string("state") == "active")
        try device.batch("7", 1...1)
        #expect(device.store.readings.last?.scoring?.runID == "run-b")
        // A clock that starts in 1970 knows no date and says nothing; a later offer ends it.
        _ = try device.restart()
        device.effects = []
        device.feed(.tick(Fixture.now(seconds: 0)))
        #expect(said(device) == 0)
        try device.push(old, counter: 7)
        device.feed(.tick(Fixture.now(seconds: 80)))
        #expect(said(device) == 0)
    }

    @Test("Endless data: a block longer or shorter than the offer says is never stored")
    func endlessData() throws {
        var device = try device()
        let offer = try Fixture.offer(new, counter: 6)
        device.feed(.offer(try Fixture.receipt(offer), Fixture.now()))
        let honest = Fixture.blocks(of: new, count: 3)
        for index in 0..<3 {
            for bytes in [
                honest[index] + [0], honest[index] + honest[index], Array(honest[index].dropLast()),
                [UInt8](repeating: 7, count: ProtocolLimits.packetSizeMax),
            ] {
                device.feed(
                    .block(
                        bundle: new.digest, index: index, bytes: Array(bytes),
                        digest: Fixture.digest(of: Array(bytes)), Fixture.now()))
            }
        }
        for index in [3, 255] {
            device.feed(
                .block(
                    bundle: new.digest, index: index, bytes: honest[0],
                    digest: Fixture.digest(of: honest[0]), Fixture.now()))
        }
        #expect(device.store.blocks[new.digest] == nil)
        #expect(device.core.activeRunID == "run-a")
        for index in 0..<3 { device.sendBlock(index, of: new) }
        #expect(device.core.activeRunID == "run-b")
    }

    @Test("Slow retrieval: a day of one block changes nothing but the report, and ingest goes on")
    func slowRetrieval() throws {
        var device = try device()
        let offer = try Fixture.offer(new, counter: 6)
        device.feed(.offer(try Fixture.receipt(offer), Fixture.now()))
        device.sendBlock(0, of: new)
        device.effects = []
        for minute in Int64(1)...1_440 {
            device.feed(.tick(Fixture.now(seconds: 60 * minute)))
        }
        try device.batch("7", 1...3)
        let asked = device.effects.count {
            if case .subscribeBlocks = $0 { true } else { false }
        }
        #expect((280...300).contains(asked), "every five minutes at most")
        let missing = try ModelDeliveryTests.report(device).array("missing_blocks")
        #expect(missing == [.integer(1), .integer(2)])
        #expect(device.store.readings.allSatisfy { $0.scoring?.runID == "run-a" })
        for index in 1..<3 { device.sendBlock(index, of: new) }
        #expect(device.core.activeRunID == "run-b")
    }

    @Test("Mix and match: blocks of another bundle, or of another place, are never stored")
    func mixAndMatch() throws {
        let other = try Fixture.model("c")
        var device = try device()
        let offer = try Fixture.offer(new, counter: 6)
        device.feed(.offer(try Fixture.receipt(offer), Fixture.now()))
        let theirs = Fixture.blocks(of: other, count: 3)
        let ours = Fixture.blocks(of: new, count: 3)
        for (index, bytes) in [(0, theirs[0]), (1, theirs[1]), (0, ours[1]), (1, ours[0])] {
            device.feed(
                .block(
                    bundle: new.digest, index: index, bytes: bytes,
                    digest: Fixture.digest(of: bytes), Fixture.now()))
        }
        #expect(device.store.blocks[new.digest] == nil)
    }

    // MARK: What a disk or a broker does without ill will

    @Test("The same bundle cut into other blocks is fetched anew, whatever was stored of it")
    func otherBlockSize() throws {
        for stored in 0...2 {
            var device = try device()
            let offer = try Fixture.offer(new, counter: 6)
            device.feed(.offer(try Fixture.receipt(offer), Fixture.now()))
            for index in 0..<stored { device.sendBlock(index, of: new) }
            // Twice the block size: the same bytes in two blocks.
            let parts = Fixture.blocks(of: new, count: 3)
            let cut = [parts[0] + parts[1], parts[2]]
            let again = try ModelOffer(
                fleet: offer.fleet, runID: offer.runID, digest: offer.digest, size: offer.size,
                blockSize: 2 * offer.blockSize, blocks: cut.map { Fixture.digest(of: $0) },
                featureSpec: offer.featureSpec, counter: 7, expires: offer.expires,
                audience: .all, disagreementMax: 125, keyID: offer.keyID)
            device.feed(.offer(try Fixture.receipt(again), Fixture.now()))
            #expect(device.subscribedBlocks == [0, 1])
            for index in 0..<2 {
                device.feed(
                    .block(
                        bundle: new.digest, index: index, bytes: cut[index],
                        digest: Fixture.digest(of: cut[index]), Fixture.now()))
            }
            #expect(device.core.activeRunID == "run-b")
            #expect(device.store.blocks[new.digest]?[0]?.count == cut[0].count)
            // Going back in another cut needs nothing: the whole bundle is there.
            try device.push(old, counter: 8)
            device.feed(
                .offer(
                    try Fixture.receipt(try Fixture.offer(new, counter: 9)), Fixture.now()))
            #expect(device.subscribedBlocks.isEmpty)
            #expect(device.core.activeRunID == "run-b")
        }
    }

    @Test("Stored blocks that went bad are fetched again: a disk's fault refuses no bundle")
    func damagedBlocks() throws {
        var device = try device()
        device.holdsVerification = true
        try device.push(new, counter: 6)
        device.feed(
            .verified(bundle: new.digest, .damaged(reason: "Block 1 went bad."), Fixture.now()))
        #expect(device.store.blocks[new.digest] == nil)
        #expect(try ModelDeliveryTests.reason(device) == "Block 1 went bad.")
        #expect(device.store.shelf.refusals.isEmpty)
        device.holdsVerification = false
        device.feed(.tick(Fixture.now(seconds: 6)))
        try device.push(new, counter: 6)
        #expect(device.core.activeRunID == "run-b")
    }

    @Test("Blocks that vanish from the broker are named, and a push that repairs them is taken")
    func vanishedBlocks() throws {
        var device = try device()
        let offer = try Fixture.offer(new, counter: 6)
        device.feed(.offer(try Fixture.receipt(offer), Fixture.now()))
        device.sendBlock(2, of: new)
        for index in 0..<2 {
            device.feed(
                .block(
                    bundle: new.digest, index: index, bytes: [], digest: Fixture.digest(of: []),
                    Fixture.now()))
        }
        let missing = try ModelDeliveryTests.report(device).array("missing_blocks")
        #expect(missing == [.integer(0), .integer(1)])
        #expect(try ModelDeliveryTests.report(device).string("state") == "fetching")
        for index in 0..<2 { device.sendBlock(index, of: new) }
        #expect(device.core.activeRunID == "run-b")
    }

    @Test("A kill before or after every change of the store leaves a device that gets there")
    func everyTransition() throws {
        // Offer, three blocks, the trial's begin, activation: six changes.
        for survivors in 0...6 {
            var device = try device()
            try device.batch("7", 1...20)
            device.changesBeforeDeath = survivors
            try device.push(new, counter: 6)
            #expect(device.isDead == (survivors < 6), "\(survivors)")
            device.changesBeforeDeath = nil
            _ = try device.restart()
            let running = try #require(device.core.activeRunID)
            #expect(running == (survivors < 6 ? "run-a" : "run-b"))
            device.feed(.controlConnected(Fixture.now()))
            try device.push(new, counter: 6)
            #expect(device.core.activeRunID == "run-b")
            #expect(device.store.shelf.active == new.digest)
            #expect(device.store.shelf.fallback == old.digest)
            #expect(Set(device.store.blocks.keys) == [old.digest, new.digest])
        }
    }
}
