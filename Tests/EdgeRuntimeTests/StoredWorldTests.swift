import Foundation
import SQLite
import Simulation
import Sodium
import Testing

/// Runs the simulated world over the device's real store, on a disk that its seed makes faulty.
@Suite("Simulation over the real store", .timeLimit(.minutes(10)))
struct StoredWorldTests {
    /// Seeds of a run: some 20 s on two quiet cores unless `NACELLE_SEEDS` says otherwise.
    static let seedCount =
        ProcessInfo.processInfo.environment["NACELLE_SEEDS"].flatMap { UInt64($0) } ?? 300

    static func world(_ seed: UInt64, _ store: FaultyDeviceStore) -> SimulationWorld {
        SimulationWorld(seed: seed, disk: store) { SHA256.digest(of: $0) }
    }

    @Test("Power cuts, EIO and ENOSPC anywhere: no seed breaks the promise, each fault is reached")
    func promise() throws {
        var sweep = SimulationSweep()
        for seed in 0..<Self.seedCount {
            let store = try FaultyDeviceStore(seed: seed)
            var world = Self.world(seed, store)
            let violation = SeedWatch.run(seed, slot: 0) { world.run() }
            #expect(violation == nil, "seed \(seed)")
            #expect(store.damage == [], "seed \(seed)")
            sweep.take(seed, violation, world.coverage)
        }
        let reached: [Reached] = [
            .powerCut, .commitTorn, .commitFailed, .batchFoundLater, .modelChangeFailed,
            .readFailed, .salvage, .crashInBatch, .crashAfterCommit, .fromCheckpoint, .activated,
            .rolledBack, .pulled,
        ]
        for state in reached {
            #expect(sweep.coverage[state] > 0, "\(state.rawValue)")
        }
    }

    @Test("A store that does not wait for the disk breaks the promise within 40 seeds")
    func withoutWaiting() throws {
        let broken = try (0..<UInt64(40)).first { seed in
            let store = try FaultyDeviceStore(seed: seed, synchronous: .normal)
            var world = Self.world(seed, store)
            return world.run() != nil
        }
        #expect(broken != nil)
    }
}
