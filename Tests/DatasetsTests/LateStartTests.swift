import Datasets
import Prognostics
import Testing

@Suite("Late starts")
struct LateStartTests {
    static func life(_ count: Int32, unit: String = "7") throws -> Trajectory {
        Trajectory(
            unit: try #require(UnitIdentifier(unit)),
            snapshots: try (1...count).map { cycle in
                Snapshot(
                    cycle: try #require(CycleCount(cycle)), columns: .init(repeating: Float(cycle)))
            }, endsInFailure: true)
    }

    @Test("A late start is the end of a life: its own cycles and labels, and never its first cycle")
    func suffix() throws {
        let life = try Self.life(200)
        let labels = RULLabel.labels(life)
        var starts: Set<Int32> = []
        for copy in 0..<2_000 {
            let late = try #require(LateStart.suffix(of: life, seed: 3, copy: copy))
            let start = late.snapshots[0].cycle.cycles
            starts.insert(start)
            #expect(late.snapshots == Array(life.snapshots.suffix(late.snapshots.count)))
            #expect(RULLabel.labels(late) == Array(labels.suffix(late.snapshots.count)))
            #expect(late.unit == life.unit && late.endsInFailure)
        }
        // Cycles 2 to 171: 2,000 even draws leave one out with a chance of 1 in 800.
        #expect(starts == Set(2...171))
    }

    @Test("A life of 31 snapshots has one late start, a shorter one none")
    func short() throws {
        let late = try #require(LateStart.suffix(of: try Self.life(31), seed: 1))
        #expect(late.snapshots.count == LateStart.snapshotCountMin)
        #expect(LateStart.suffix(of: try Self.life(30), seed: 1) == nil)
        #expect(LateStart.suffix(of: try Self.life(1), seed: 1) == nil)
    }

    @Test("The same units and seed give the same sample, of the share that was asked for")
    func sample() throws {
        let lives = try (1...1_000).map { try Self.life(60, unit: "\($0)") }
        let sample = LateStart.sample(lives, share: 0.25, seed: 5)
        #expect(sample == LateStart.sample(lives, share: 0.25, seed: 5))
        #expect(sample != LateStart.sample(lives, share: 0.25, seed: 6))
        // Four standard deviations of a binomial draw.
        #expect(abs(sample.count - 250) < 55)
        #expect(LateStart.sample(lives, share: 0, seed: 5).isEmpty)
        #expect(LateStart.sample(lives, share: 1, seed: 5).map(\.unit) == lives.map(\.unit))
        // Units do not go: a larger share has all of a smaller one's.
        let more = LateStart.sample(lives, share: 0.5, seed: 5)
        #expect(sample.allSatisfy { more.contains($0) })
    }
}
