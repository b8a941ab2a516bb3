import Simulation
import Testing

/// Holds the checker against deliberate faults: one that sees nothing would pass every seed.
@Suite("The simulation's checker", .timeLimit(.minutes(10)))
struct SabotageTests {
    /// Four times as many as the rarest fault needs: `simulate-edge --sabotages` prints them.
    static let seedCount: UInt64 = 40

    @Test(
        "Each deliberate fault of shell or store is seen, and called what it is",
        arguments: Sabotage.allCases.filter { $0 != .none })
    func isSeen(_ sabotage: Sabotage) throws {
        let seen = try #require(
            SimulationSweep.firstSight(of: sabotage, in: 0..<Self.seedCount),
            "no seed below \(Self.seedCount) shows it")
        // It is the fault that was seen: without it the same seed is sound.
        var world = SimulationWorld(seed: seen.seed)
        #expect(world.run() == nil)
    }
}
