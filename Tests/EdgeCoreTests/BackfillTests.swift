import EdgeCore
import EdgeProtocol
import Simulation
import Testing

/// Asks how a device catches up that was cut off from its broker.
@Suite("Backfill of predictions")
struct BackfillTests {
    /// A device without a connection that committed readings of cycles 1 to `count`.
    static func device(count: Int32) throws -> SimulatedDevice {
        var device = try SimulatedDevice(model: try Fixture.model("a"))
        for start in stride(from: Int32(1), through: count, by: 100) {
            try device.batch("7", start...min(start + 99, count))
        }
        return device
    }

    @Test("What was scored before the connection goes out marked and paced, what follows does not")
    func backfill() throws {
        var device = try Self.device(count: 2_500)
        device.feed(.controlConnected(Fixture.now()))
        var acknowledged = 0
        /// The broker acknowledges what it got, until nothing more comes.
        func settle() {
            while acknowledged < device.published.count {
                let sequence = device.published[acknowledged].sequence
                acknowledged += 1
                device.feed(.predictionPublished(sequence: sequence))
            }
        }
        settle()
        #expect(device.published.count == 1_000, "the first second's part")
        device.feed(.tick(Fixture.now(seconds: 2)))
        settle()
        #expect(device.published.count == 2_000)
        try device.batch("7", 2_501...2_510)
        settle()
        #expect(device.published.count == 2_000, "order holds: the new ones wait")
        device.feed(.tick(Fixture.now(seconds: 3)))
        settle()
        #expect(device.published.map(\.sequence) == Array(1...2_510))
        #expect(device.backfill == Array(1...2_500))
    }

    @Test("Predictions of an unbroken connection are no backfill")
    func live() throws {
        var device = try Self.device(count: 0)
        device.feed(.controlConnected(Fixture.now()))
        try device.batch("7", 1...200)
        #expect(device.published.count == 200)
        #expect(device.backfill.isEmpty)
    }
}
