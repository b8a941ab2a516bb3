/// Many seeds, one after another or on several threads; what failed and what was reached.
package struct SimulationSweep: Sendable {
    /// A seed with the contradiction that ended its run.
    package struct Failure: Equatable, Sendable {
        package let seed: UInt64
        package let violation: String
    }

    /// Failures that are kept; all are counted.
    private static let failuresMax = 100

    package private(set) var runs = 0
    package private(set) var failureCount = 0
    package private(set) var failures: [Failure] = []
    package private(set) var coverage = Coverage()

    package init() {}

    /// Runs some seeds on this thread, each in the slot of ``SeedWatch``.
    package mutating func run(_ seeds: Range<UInt64>, slot: Int, sabotage: Sabotage = .none) {
        for seed in seeds {
            SeedWatch.run(seed, slot: slot) {
                var world = SimulationWorld(seed: seed, sabotage: sabotage)
                let violation = world.run()
                take(seed, violation, world.coverage)
            }
        }
    }

    /// The first of some seeds whose run a deliberate fault ends in the fault's own words.
    package static func firstSight(of sabotage: Sabotage, in seeds: Range<UInt64>) -> Failure? {
        for seed in seeds {
            let violation = SeedWatch.run(seed, slot: 0) {
                var world = SimulationWorld(seed: seed, sabotage: sabotage)
                return world.run()
            }
            guard let violation, sabotage.signs.contains(where: violation.contains) else {
                continue
            }
            return Failure(seed: seed, violation: violation)
        }
        return nil
    }

    /// Takes what another run found.
    package mutating func take(_ seed: UInt64, _ violation: String?, _ reached: Coverage) {
        runs += 1
        coverage.add(reached)
        guard let violation else { return }
        failureCount += 1
        if failures.count < Self.failuresMax {
            failures.append(Failure(seed: seed, violation: violation))
        }
    }

    /// Adds what another sweep found.
    package mutating func add(_ other: SimulationSweep) {
        runs += other.runs
        failureCount += other.failureCount
        failures = Array((failures + other.failures).prefix(Self.failuresMax))
        coverage.add(other.coverage)
    }

    /// Runs seeds in parts on several tasks, and tells after each part how far it is.
    package static func run(
        _ seeds: Range<UInt64>, jobs: Int, partCount: UInt64 = 250,
        progress: (SimulationSweep) -> Void = { _ in }
    ) async -> SimulationSweep {
        await withTaskGroup(of: (Int, SimulationSweep).self) { group in
            var next = seeds.lowerBound
            func start(_ slot: Int) {
                guard next < seeds.upperBound else { return }
                let part = next..<min(next + partCount, seeds.upperBound)
                next = part.upperBound
                group.addTask {
                    var sweep = SimulationSweep()
                    sweep.run(part, slot: slot)
                    return (slot, sweep)
                }
            }
            for slot in 0..<jobs { start(slot) }
            var whole = SimulationSweep()
            for await (slot, sweep) in group {
                whole.add(sweep)
                progress(whole)
                start(slot)
            }
            return whole
        }
    }
}
