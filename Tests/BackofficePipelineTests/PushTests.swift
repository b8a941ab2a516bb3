import BackofficePipeline
import EdgeProtocol
import Mosquitto
import Prognostics
import Registry
import Sodium
import TestSupport
import Testing

@Suite(
    "Push to a real broker",
    .enabled(if: TestBroker.isInstalled, "\(TestBroker.skipMessage)"))
struct PushTests {
    static let day: Int64 = 86_400_000
    let folder: TemporaryFolder
    let workspace: Workspace
    let broker: TestBroker
    let fleet: FleetBroker

    init() throws {
        folder = try SmallNight.copy()
        _ = try KeysStep.create(workspace: folder.path("W"))
        workspace = try SmallNight.open(folder)
        broker = try TestBroker()
        fleet = try FleetBroker(
            host: broker.host, port: Int32(broker.port), user: nil, password: nil, fleet: "demo",
            topicPrefix: Topics.defaultPrefix)
    }

    func push(at time: Int64 = 0) throws -> PushStep.Report {
        try PushStep(workspace: workspace, broker: fleet, nowMillis: time).run()
    }

    func publish(_ topic: String, _ payload: [UInt8]) throws {
        let session = try connect("stranger")
        try session.publish(topic: topic, payload: payload, retain: true, timeoutSeconds: 10)
        session.disconnect()
    }

    func connect(_ name: String) throws -> MosquittoSession {
        try MosquittoSession(
            MosquittoConfiguration(
                host: broker.host, port: Int32(broker.port), clientIdentifier: name),
            timeoutSeconds: 10)
    }

    /// Everything retained, by topic.
    func retained() throws -> [String: [UInt8]] {
        let session = try connect("reader")
        try session.subscribe("#", qos: 1, timeoutSeconds: 10)
        try session.publish(topic: "end", payload: [], retain: false, timeoutSeconds: 10)
        var held: [String: [UInt8]] = [:]
        while let message = try session.nextMessage(timeoutSeconds: 10), message.topic != "end" {
            held[message.topic] = message.payload
        }
        session.disconnect()
        return held
    }

    @Test("An agent finds a signed offer whose blocks join to the promoted bundle")
    func complete() throws {
        #expect(throws: BackofficeError.noPromotedModel) { try push() }
        try SmallNight.promote(workspace)
        let report = try push()
        #expect(report.publishedOffer && report.publishedBlocks == report.blockCount)
        let release = try workspace.registry.newestRelease(target: fleet.topics.root)
        // Blocks of another size are another release.
        #expect(release?.content.contains("\"block_size\":") == true)
        let held = try retained()
        let signed = try SignedOffer(bytes: held[fleet.topics.selectedModel] ?? [])
        let keys = try KeyFile.publicKeys(
            FileBytes.read(folder.path("W/keys/model.pub")), name: "model.pub")
        #expect(keys.count == 1)
        #expect(keys[0].verifies(signature: signed.signature, of: signed.payload))
        let offer = try signed.decode()
        #expect(offer.counter == 1 && offer.keyID == keys[0].keyIdentifier)
        var bundle: [UInt8] = []
        for (index, digest) in offer.blocks.enumerated() {
            let block = held[fleet.topics.block(index, of: offer.digest)] ?? []
            #expect(SHA256.digest(of: block) == digest)
            bundle += block
        }
        #expect(SHA256.digest(of: bundle) == offer.digest)
        #expect(held.count == offer.blocks.count + 1)
    }

    @Test("A second push publishes nothing, and a damaged broker is repaired with the same offer")
    func repairs() throws {
        try SmallNight.promote(workspace)
        let first = try push()
        let offer = try retained()[fleet.topics.selectedModel]
        let second = try push(at: 1)
        #expect(!second.publishedOffer && second.publishedBlocks == 0)
        #expect(second.clearedBlocks == 0 && second.counter == 1)

        let old = try #require(Digest(hex: String(repeating: "ab", count: 32)))
        try publish(fleet.topics.block(0, of: old), [1])
        try publish(fleet.topics.block(1, of: first.digest), [1, 2, 3])
        try publish(fleet.topics.block(2, of: first.digest), [])
        try publish(fleet.topics.selectedModel, [1])
        let third = try push(at: 2)
        #expect(third.publishedOffer && third.publishedBlocks == 2 && third.clearedBlocks == 1)
        #expect(third.counter == 1)
        let held = try retained()
        #expect(held[fleet.topics.selectedModel] == offer)
        #expect(held.count == first.blockCount + 1)
    }

    @Test("The release counter rises with the content, a near expiry, or a higher one on the air")
    func counter() throws {
        try SmallNight.promote(workspace)
        #expect(try push(at: 0).counter == 1)
        #expect(try push(at: 60 * Self.day).counter == 1)
        #expect(try push(at: 61 * Self.day).counter == 2)
        try publish(fleet.topics.selectedModel, try offer(counter: 7))
        #expect(try push(at: 61 * Self.day).counter == 8)
        #expect(try push(at: 61 * Self.day).counter == 8)
    }

    /// An offer by our key with another counter, as a lost registry could have published it.
    private func offer(counter: Int64) throws -> [UInt8] {
        let bytes = try FileBytes.read(workspace.signingKeyPath)
        let key = try KeyFile.signingKey(bytes, name: "model.key")
        let digest = SHA256.digest(of: [1])
        let payload = try ModelOffer(
            fleet: fleet.topics.fleet, runID: "r", digest: digest, size: 1,
            blockSize: ProtocolLimits.blockSize, blocks: [digest], featureSpec: "x",
            counter: counter, expires: 0, audience: .all, disagreementMax: 1,
            keyID: key.verificationKey.keyIdentifier
        ).payload
        return try SignedOffer(signature: key.signature(of: payload), payload: payload).bytes
    }

    @Test("An offer allows what two bundles differ by on evaluate units, the first one anything")
    func disagreement() throws {
        try SmallNight.promote(workspace)
        func offer(promoting version: Int64?) throws -> ModelOffer {
            if let version {
                let hash = try #require(try workspace.registry.newestDataSet()?.configHash)
                try workspace.registry.append(
                    PromotionRecord(
                        timeMillis: 1, decision: .promoted, configHash: hash, version: version,
                        score: 1, reasons: []), newestVersion: 2)
            }
            _ = try push()
            let bytes = try retained()[fleet.topics.selectedModel] ?? []
            return try SignedOffer(bytes: bytes).decode()
        }
        #expect(try offer(promoting: nil).disagreementMax == 125)
        try SmallNight.train(workspace, seed: 2)
        let second = try offer(promoting: 2)
        let limit = second.disagreementMax
        #expect(limit >= 4 && limit < 125 && limit == limit.rounded(), "\(limit)")
        #expect(second.counter == 2)
        #expect(try offer(promoting: nil) == second, "the same bundle keeps its offer")
        // Going back: two bundles differ by as much from either side.
        let back = try offer(promoting: 1)
        #expect(back.disagreementMax == limit)
        #expect(back.counter == 3)
    }

    @Test("Without a key nothing is published, and the sentence says what to run")
    func noKey() throws {
        let other = try SmallNight.copy()
        let workspace = try SmallNight.open(other)
        try SmallNight.promote(workspace)
        let step = PushStep(workspace: workspace, broker: fleet, nowMillis: 0)
        #expect(throws: BackofficeError.keyMissing(path: other.path("W/keys/model.key"))) {
            try step.run()
        }
        #expect(try retained().isEmpty)
    }
}
