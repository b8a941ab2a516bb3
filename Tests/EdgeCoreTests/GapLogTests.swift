import EdgeCore
import EdgeProtocol
import Prognostics
import Testing

/// Asks whether cycles that never came are told, without a flood of lines.
@Suite("Missing cycles")
struct GapLogTests {
    /// A machine without a model, whose every commit succeeds at once.
    private struct Machine {
        var core: EdgeCore
        var lines: [LogLine] = []

        init() throws {
            core = EdgeCore(
                identity: try Fixture.identity(), restored: .init(), residentUnitsMax: 9)
        }

        mutating func feed(_ input: EdgeInput, at seconds: Int64) {
            var inputs = [input]
            while !inputs.isEmpty {
                var effects: [EdgeEffect] = []
                core.receive(inputs.removeFirst(), effects: &effects)
                for effect in effects {
                    switch effect {
                    case .loadUnit(let unit, _):
                        inputs.append(
                            .unitLoaded(
                                UnitHistory(unit: unit, record: nil, checkpoint: nil, replay: [])))
                    case .commit: inputs.append(.committed(Machine.instant(seconds)))
                    case .log(let line): lines.append(line)
                    default: break
                    }
                }
            }
        }

        mutating func batch(_ readings: [(String, Int32)], at seconds: Int64) throws {
            for (unit, cycle) in readings {
                feed(.delivery(try Fixture.delivery(unit, cycle)), at: seconds)
            }
            feed(.drained, at: seconds)
        }

        static func instant(_ seconds: Int64) -> Instant {
            Instant(wallMillis: 0, monotonicMicros: seconds * 1_000_000)
        }
    }

    @Test("Gaps are told with counts and first unit, at most once in ten seconds, all of them")
    func lines() throws {
        var machine = try Machine()
        try machine.batch([("7", 1), ("7", 2), ("8", 5), ("8", 6)], at: 1)
        #expect(machine.lines.isEmpty, "a late starter misses nothing")
        try machine.batch([("7", 5), ("8", 9), ("8", 10)], at: 2)
        #expect(machine.lines.count == 1)
        let first = try #require(machine.lines.first)
        #expect(first.level == .warning)
        #expect(first.message == "cycles missing")
        #expect(first.metadata == ["cycles": "4", "gaps": "2", "first_unit": "7"])

        try machine.batch([("8", 12)], at: 3)
        try machine.batch([("7", 9)], at: 11)
        machine.feed(.tick(Machine.instant(11)), at: 11)
        #expect(machine.lines.count == 1, "not before ten seconds have passed")
        machine.feed(.tick(Machine.instant(12)), at: 12)
        #expect(machine.lines.count == 2)
        #expect(machine.lines.last?.metadata == ["cycles": "4", "gaps": "2", "first_unit": "8"])
        machine.feed(.tick(Machine.instant(60)), at: 60)
        #expect(machine.lines.count == 2, "told once")
    }
}
