import EdgeProtocol
import Prognostics
import StrictJSON
import Testing

@Suite("Limits of the protocol")
struct ProtocolLimitsTests {
    @Test("The limits fit each other")
    func relations() {
        // MQTT 5 §1.5.4: a topic name has at most 65,535 bytes.
        let topicSizeMax = 65_535
        let reasonSizeMax = 1_200
        typealias Limits = ProtocolLimits
        #expect(Limits.quarantinePayloadSizeMax <= Limits.payloadSizeMax)
        #expect(Limits.payloadSizeMax < Limits.packetSizeMax)
        #expect(Limits.blockSizeMin <= Limits.blockSize)
        #expect(Limits.blockSize <= Limits.bundleSizeMax)
        #expect(Limits.blockSize < Limits.packetSizeMax)
        #expect(Limits.blockCountMax * Limits.blockSizeMin == Limits.bundleSizeMax)
        // Every digest as a JSON string with its comma, every audience member, 4 KiB for the rest.
        #expect(
            Limits.blockCountMax * 67 + Limits.audienceCountMax * 67 + 4_096
                <= Limits.offerSizeMax)
        #expect(Limits.offerSizeMax < Limits.packetSizeMax)
        #expect(Limits.pageSizeMax < Limits.packetSizeMax)
        #expect(Limits.pageSizeMax >= Limits.readingLineSizeMax)
        // One entry always fits a page: a page without entries would never move the cursor.
        #expect(
            512 + 2 * Limits.quarantinePayloadSizeMax + 6 * (topicSizeMax + reasonSizeMax)
                <= Limits.pageSizeMax)
        #expect(Limits.logRequestSizeMax < Limits.payloadSizeMax)
        #expect(Limits.healthUnitCountMax * 512 < Limits.packetSizeMax)
    }

    @Test("The largest offer that can be written fits its limit")
    func largestOffer() throws {
        let text = String(repeating: "x", count: 64)
        let agents = try (0..<ProtocolLimits.audienceCountMax).map {
            try Fixture.unit(String(text.dropLast(3)) + String(1_000 + $0).suffix(3))
        }
        let offer = try ModelOffer(
            fleet: try Fixture.unit(text), runID: text, digest: try Fixture.digest(),
            size: ProtocolLimits.bundleSizeMax, blockSize: ProtocolLimits.blockSizeMin,
            blocks: [Digest](
                repeating: try Fixture.digest(), count: ProtocolLimits.blockCountMax),
            featureSpec: text, counter: .max, expires: .max, audience: .agents(agents),
            disagreementMax: .greatestFiniteMagnitude, keyID: text)
        let signature = [UInt8](repeating: 0, count: SignedOffer.signatureSize)
        let signed = try SignedOffer(signature: signature, payload: offer.payload)
        #expect(try signed.decode() == offer)
    }

    @Test("A health message with the most units fits a packet")
    func largestHealth() throws {
        var accounting = Accounting()
        accounting.received = .max
        accounting.scored = .max
        accounting.unscored = .max
        accounting.suppressed = .max
        accounting.late = .max
        accounting.quarantined = .max
        accounting.unprotected = .max
        accounting.missingCycles = .max
        let units = try (0..<ProtocolLimits.healthUnitCountMax).map {
            (
                unit: try Fixture.unit(String(repeating: "x", count: 61) + String(100 + $0)),
                accounting: accounting
            )
        }
        let health = HealthMessage(
            accounting: accounting, inFlight: .max, queueDepthMax: .max, outboxPending: .max,
            storeSize: .max, residentUnits: .max, runID: String(repeating: "x", count: 64),
            units: units)
        #expect(health.encoded().count < ProtocolLimits.packetSizeMax / 10)
    }
}
