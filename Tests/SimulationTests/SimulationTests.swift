import Simulation
import TestSupport
import Testing

/// Runs the device's machine through thousands of seeded histories; a failure names its seed.
@Suite("Simulation of the device", .timeLimit(.minutes(20)))
struct SimulationTests {
    /// Seeds of a run in continuous integration: about a minute on two quiet cores.
    static let seedCount: UInt64 = 8_000

    @Test("No seed breaks the promise, and every fault and state is reached")
    func promise() async {
        let sweep = await SimulationSweep.run(0..<Self.seedCount, jobs: 2)
        #expect(sweep.runs == Int(Self.seedCount))
        for failure in sweep.failures {
            Issue.record("simulate-edge --seed \(failure.seed) --trace: \(failure.violation)")
        }
        #expect(sweep.failureCount == 0)
        #expect(sweep.coverage.missing == [], "never reached")
    }

    @Test("The same seed gives the same trace, in this process and in others")
    func traces() throws {
        for seed: UInt64 in [1, 49, 214] {
            var first = SimulationWorld(seed: seed, isTraced: true)
            var second = SimulationWorld(seed: seed, isTraced: true)
            #expect(first.run() == second.run())
            #expect(first.trace.text.utf8.count > 10_000)
            #expect(first.trace.text == second.trace.text)
            #expect(first.coverage == second.coverage)
            let program = try BuiltProduct.path("simulate-edge")
            let arguments = ["--seed", String(seed), "--trace"]
            let runs = try (0..<2).map { _ in try Subprocess.run(program, arguments) }
            #expect(runs.allSatisfy { $0.status == 0 })
            #expect(runs[0].standardOutput == runs[1].standardOutput)
            #expect(runs[0].output.hasPrefix(first.trace.text))
        }
        var other = SimulationWorld(seed: 2, isTraced: true)
        var third = SimulationWorld(seed: 3, isTraced: true)
        #expect((other.run() == nil, other.trace.text) != (third.run() == nil, third.trace.text))
    }
}
