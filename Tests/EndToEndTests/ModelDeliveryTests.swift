import EdgeProtocol
import Prognostics
import SQLite
import Sodium
import StrictJSON
import TestSupport
import Testing

/// Asks whether models reach the real agent over the real broker, and bad ones never serve.
@Suite(
    "Model delivery, end to end", .serialized,
    .enabled(if: TestBroker.isInstalled, "\(TestBroker.skipMessage)"), .timeLimit(.minutes(5)))
struct ModelDeliveryTests {
    let models: TrainedModels
    let agent: RunningAgent
    let publisher: Publisher

    init() throws {
        models = try TrainedModels.shared.get()
        let key = SigningKeyBox()
        agent = try RunningAgent(publicKey: key.verificationKey)
        publisher = Publisher(agent: agent, key: key)
    }

    private func modelReport(_ isDone: (JSONReader) throws -> Bool) throws -> JSONReader {
        let name = try #require(UnitIdentifier(RunningAgent.name))
        return try agent.retained(agent.topics.model(of: name), isDone)
    }

    private func waitUntilActive(_ bundle: TrainedModels.Bundle) throws {
        _ = try modelReport {
            let running = try $0.object("reported").value("run_id")
            return try $0.string("state") == "active" && running == .string(bundle.runID)
        }
    }

    private func activate(_ bundle: TrainedModels.Bundle, counter: Int64) throws {
        try publisher.publish(publisher.offer(bundle, counter: counter))
        try publisher.publishBlocks(bundle)
        try waitUntilActive(bundle)
    }

    /// Publishes rows and waits until each has its outcome.
    private func stream(_ rows: ArraySlice<[UInt8]>, total: Int) throws {
        try agent.publish(Array(rows), to: agent.topics.readings)
        _ = try agent.health(received: Int64(total))
    }

    /// Cycle, run and the bits of every output, in order of cycle.
    private func outputs(of agent: RunningAgent) throws -> [[String]] {
        try agent.query(
            """
            SELECT cycle, run_id, rul, rul_low, rul_high, failure_probability, flags FROM readings
            WHERE outcome = 1 ORDER BY cycle
            """
        ) { row in
            [String(row.int64(at: 0)), row.text(at: 1)]
                + (2...5).map { String(row.double(at: $0).bitPattern) }
                + [String(row.int64(at: 6))]
        }
    }

    @Test(
        "A swap from trees to another type, and a kill after it, give an undisturbed device's bits",
        arguments: ["lstm", "trend"])
    func swapToOtherType(type: String) throws {
        let bundle = type == "lstm" ? models.recurrent : models.trend
        let rows = models.rows(of: "3")
        let (first, second) = (rows.count / 3, 2 * rows.count / 3)
        try activate(models.first, counter: 1)
        try stream(rows[..<first], total: first)
        try activate(bundle, counter: 2)
        try stream(rows[first..<second], total: second)
        try agent.killAndRestart()
        try waitUntilActive(bundle)
        try agent.publish(Array(rows[second...]), to: agent.topics.readings)
        _ = try agent.health(within: 20) { try $0.integer("scored") >= rows.count }

        let fresh = try Self()
        try fresh.activate(bundle, counter: 1)
        try fresh.stream(rows[...], total: rows.count)
        let (disturbed, always) = (try outputs(of: agent), try outputs(of: fresh.agent))
        try #require(disturbed.count == rows.count && always.count == rows.count)
        #expect(disturbed[first...] == always[first...])
        #expect(disturbed[..<first] != always[..<first], "the trees predict something else")
    }

    @Test("A swap in mid-trajectory gives the bits of a device that always had the new bundle")
    func swap() throws {
        let rows = models.rows(of: "1")
        let (first, second) = (rows.count / 3, 2 * rows.count / 3)
        try stream(rows[..<first], total: first)
        try activate(models.first, counter: 1)
        try stream(rows[first..<second], total: second)
        try activate(models.second, counter: 2)
        try stream(rows[second...], total: rows.count)
        let swapped = try outputs(of: agent)
        #expect(swapped.count == rows.count - first, "readings before the first model are unscored")

        for (bundle, cycles) in [
            (models.first, first + 1...second), (models.second, second + 1...rows.count),
        ] {
            let fresh = try Self()
            try fresh.activate(bundle, counter: 1)
            try fresh.stream(rows[...], total: rows.count)
            let always = try outputs(of: fresh.agent)
            for cycle in cycles {
                #expect(swapped[cycle - first - 1] == always[cycle - 1], "cycle \(cycle)")
            }
        }
    }

    @Test("An agent killed halfway through the blocks fetches only what it lacks")
    func resumes() throws {
        let blocks = BundleBlocks.split(models.first.bytes)
        try publisher.publish(publisher.offer(models.first, counter: 1))
        try publisher.publishBlocks(models.first, 0..<3)
        let stored = { try agent.query("SELECT count(*) FROM blocks") { $0.int64(at: 0) } }
        #expect(try Eventually.holds { try stored() == [3] })
        try agent.killAndRestart()
        // The blocks it has may vanish from the broker: it does not ask for them again.
        let digest = SHA256.digest(of: models.first.bytes)
        for index in 0..<3 { try publisher.send([], to: agent.topics.block(index, of: digest)) }
        _ = try modelReport {
            try $0.array("missing_blocks") == (3..<blocks.count).map { .integer($0) }
        }
        try publisher.publishBlocks(models.first, 3..<blocks.count)
        try waitUntilActive(models.first)
    }

    @Test("An agent that starts after the push finds everything retained, and keeps it when killed")
    func startsLater() throws {
        agent.process.send(9)
        try publisher.publish(publisher.offer(models.first, counter: 1))
        try publisher.publishBlocks(models.first)
        try agent.killAndRestart()
        try waitUntilActive(models.first)
        try agent.killAndRestart()
        try agent.waitForStatus("online")
        try waitUntilActive(models.first)
    }

    enum Cheat: String, CaseIterable, CustomTestStringConvertible {
        case foreignKey, olderCounter, sameCounterOtherBundle, otherFleet, otherSpec, expired
        case flippedOfferBit, truncatedOffer, brokenBundle

        var testDescription: String { rawValue }

        /// A part of the reason that the agent gives.
        var reason: String {
            switch self {
            case .foreignKey, .flippedOfferBit, .truncatedOffer: "No trusted key signed"
            case .olderCounter: "this agent has accepted 5"
            case .sameCounterOtherBundle: "Another offer with counter 5"
            case .otherFleet: "is for fleet 'elsewhere'"
            case .otherSpec: "needs feature spec 'other/9'"
            case .expired: "expired"
            case .brokenBundle: "Golden trajectory 0"
            }
        }
    }

    @Test(
        "A false offer is refused with its reason and the old model goes on",
        arguments: Cheat.allCases)
    func refuses(_ cheat: Cheat) throws {
        try activate(models.first, counter: 5)
        let second = models.second
        var offer = try publisher.offer(second, counter: 6)
        switch cheat {
        case .foreignKey: offer = try publisher.offer(second, counter: 6, key: SigningKeyBox())
        case .olderCounter: offer = try publisher.offer(second, counter: 4)
        case .sameCounterOtherBundle: offer = try publisher.offer(second, counter: 5)
        case .otherFleet: offer = try publisher.offer(second, counter: 6, fleet: "elsewhere")
        case .otherSpec: offer = try publisher.offer(second, counter: 6, featureSpec: "other/9")
        case .expired: offer = try publisher.offer(second, counter: 6, expires: 1)
        case .flippedOfferBit:
            var bytes = offer.bytes
            bytes[100] ^= 1
            offer = try SignedOffer(bytes: bytes)
        case .truncatedOffer: offer = try SignedOffer(bytes: offer.bytes.dropLast(3))
        case .brokenBundle:
            // Signed and complete, but this device does not reproduce a recorded output.
            var bytes = second.bytes
            bytes[try second.offset(of: "golden.0.outputs") + 4] ^= 1
            let broken = TrainedModels.Bundle(runID: second.runID, bytes: bytes)
            offer = try publisher.offer(broken, counter: 6)
            try publisher.publishBlocks(broken)
        }
        try publisher.publishBlocks(second)
        try publisher.publish(offer)
        let report = try modelReport { try $0.value("reason") != .null }
        #expect(try report.string("reason").contains(cheat.reason))
        #expect(try report.object("reported").string("run_id") == models.first.runID)
        let rows = models.rows(of: "2").prefix(20)
        try stream(rows, total: 20)
        #expect(
            try agent.query("SELECT DISTINCT run_id FROM readings") { $0.text(at: 0) }
                == [models.first.runID])
    }

    @Test("A block with one flipped bit is not stored; the right one completes the bundle")
    func flippedBlock() throws {
        let digest = SHA256.digest(of: models.first.bytes)
        var bytes = BundleBlocks.split(models.first.bytes)[0]
        bytes[7] ^= 16
        try publisher.send(bytes, to: agent.topics.block(0, of: digest))
        try publisher.publish(publisher.offer(models.first, counter: 1))
        let report = try modelReport { try $0.value("reason") != .null }
        #expect(try report.string("reason").hasPrefix("Block 0 has 16384 bytes and digest"))
        try publisher.publishBlocks(models.first)
        try waitUntilActive(models.first)
    }

    @Test("Keys rotate without a gap: ship B, sign with B, remove A")
    func keyRotation() throws {
        let (a, b) = (publisher.key, SigningKeyBox())
        func trust(_ keys: [SigningKeyBox]) throws {
            let text = keys.map { KeyFile.text(of: $0.verificationKey) }.joined()
            try agent.folder.write(text, to: "model.pub")
            try agent.killAndRestart()
            try agent.waitForStatus("online")
        }
        try activate(models.first, counter: 1)
        // B signs too early: nobody trusts it yet.
        try publisher.publish(publisher.offer(models.second, counter: 2, key: b))
        _ = try modelReport { (try? $0.string("reason"))?.hasPrefix("No trusted key") == true }
        try trust([a, b])
        try publisher.publishBlocks(models.second)
        try waitUntilActive(models.second)
        try trust([b])
        try waitUntilActive(models.second)
        // A is stolen, and signs the highest counter there is.
        try publisher.publish(publisher.offer(models.first, counter: Int64.max, key: a))
        let report = try modelReport {
            (try? $0.string("reason"))?.hasPrefix("No trusted key") == true
        }
        #expect(try report.object("reported").string("run_id") == models.second.runID)
    }

    @Test("Blocks that vanish from the broker are named, and a repair completes the bundle")
    func vanishedBlocks() throws {
        try publisher.publishBlocks(models.first)
        let digest = SHA256.digest(of: models.first.bytes)
        for index in [1, 3] { try publisher.send([], to: agent.topics.block(index, of: digest)) }
        try publisher.publish(publisher.offer(models.first, counter: 1))
        _ = try modelReport {
            try $0.array("missing_blocks") == [.integer(1), .integer(3)]
        }
        try publisher.publishBlocks(models.first, 1..<4)
        try waitUntilActive(models.first)
    }

    @Test("A candidate that differs by more than its offer allows is held on the device's own data")
    func shadow() throws {
        try activate(models.first, counter: 1)
        let rows = models.rows(of: "1")
        try stream(rows[...], total: rows.count)
        try publisher.publish(publisher.offer(models.second, counter: 2, disagreementMax: 0))
        try publisher.publishBlocks(models.second)
        let report = try modelReport { try $0.string("state") == "held" }
        #expect(
            try report.string("reason").hasPrefix("The bundle differs by more than 0.0 cycles"))
        #expect(try report.object("reported").string("run_id") == models.first.runID)
        try publisher.publish(publisher.offer(models.second, counter: 3))
        try waitUntilActive(models.second)
    }

    @Test("A damaged active bundle is replaced by the fallback, and fetched again")
    func damagedActive() throws {
        try activate(models.first, counter: 1)
        try activate(models.second, counter: 2)
        agent.process.send(9)
        _ = try agent.process.wait()
        let digest = SHA256.digest(of: models.second.bytes)
        // The broker has nothing either, so the fallback has to serve for a while.
        for index in BundleBlocks.split(models.second.bytes).indices {
            try publisher.send([], to: agent.topics.block(index, of: digest))
        }
        let store = try Database(
            path: agent.folder.path("data/nacelle.sqlite"), mode: .readWriteCreate)
        try store.execute(
            "UPDATE blocks SET bytes = zeroblob(length(bytes)) WHERE bundle = x'\(digest)' "
                + "AND block = 2")
        store.close()
        try agent.killAndRestart()
        _ = try modelReport {
            let running = try $0.object("reported").value("run_id")
            return try $0.string("state") == "fetching" && running == .string(models.first.runID)
        }
        let rows = models.rows(of: "2").prefix(20)
        try stream(rows, total: 20)
        #expect(
            try agent.query("SELECT DISTINCT run_id FROM readings") { $0.text(at: 0) }
                == [models.first.runID])
        try publisher.publishBlocks(models.second)
        try waitUntilActive(models.second)
    }
}
