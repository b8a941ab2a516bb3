import EdgeProtocol
import Glibc
import TestSupport
import Testing

@Suite("Allocations of decoding")
struct DecodingAllocationTests {
    @Test("1,000 rows and 1,000 JSON objects are decoded without one heap object")
    func none() async {
        await #expect(processExitsWith: .success) {
            exit(try DecodingAllocationTests.exitCode())
        }
    }

    /// 0 when nothing was allocated, in a process whose objects are counted.
    static func exitCode() throws -> Int32 {
        let row = Array(Fixture.row().utf8)
        let object = Array(Fixture.object(changing: ["unit": "\"7\""]).utf8)
        // An identifier of more than 15 bytes is one object: the counter does count.
        let long = Array(Fixture.row(unit: "engine-of-the-test-cell").utf8)
        let route = Topics.Route.unitReadings(try Fixture.unit())
        guard ObjectCounter.install() else { return 2 }
        let before = ObjectCounter.count
        for _ in 0..<1_000 {
            _ = try ReadingDecoder.decode(row.span, from: .readings)
            _ = try ReadingDecoder.decode(object.span, from: route)
        }
        let made = ObjectCounter.count - before
        _ = try ReadingDecoder.decode(long.span, from: .readings)
        guard ObjectCounter.count > before + made else { return 3 }
        return made == 0 ? 0 : 4
    }
}
