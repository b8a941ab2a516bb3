import Datasets
import Drift
import Features
import Glibc
import Prognostics
import Testing

/// Counts heap objects through the hook that the Swift runtime has for profilers.
private enum ObjectCounter {
    typealias Allocate =
        @convention(c) (UnsafeRawPointer?, Int, Int) -> UnsafeMutableRawPointer?

    // Invariant: written by the only thread of the process that the test starts.
    nonisolated(unsafe) static var count = 0
    // Invariant: written once, before the hook that reads it is in place.
    nonisolated(unsafe) static var original: Allocate?

    /// Puts the counter in front of the runtime's allocation; false if there is no such hook.
    static func install() -> Bool {
        guard let symbol = dlsym(nil, "_swift_allocObject") else { return false }
        let hook = symbol.assumingMemoryBound(to: Allocate.self)
        original = hook.pointee
        hook.pointee = { metadata, size, alignment in
            ObjectCounter.count += 1
            return ObjectCounter.original?(metadata, size, alignment)
        }
        return true
    }
}

@Suite("What a sketch costs the device")
struct SketchCostTests {
    @Test("A reading is counted without one heap object")
    func none() async {
        await #expect(processExitsWith: .success) {
            let parameters = try ReadingSketchTests.parameters()
            let rows = try ReadingSketchTests.rows()
            var sketch = ReadingSketch(regimeCount: 2)
            var repeats = SensorRepeats()
            // Lazily made constants are made by the first one.
            for counted in [false, true] {
                if counted {
                    guard ObjectCounter.install() else { exit(2) }
                    ObjectCounter.count = 0
                }
                for row in rows {
                    repeats.note(row.snapshot)
                    sketch.add(
                        row.snapshot, of: row.unit, repeats: repeats, prediction: row.prediction,
                        using: parameters)
                }
            }
            guard ObjectCounter.count == 0, sketch.readingCount == 2 * rows.count else { exit(1) }
        }
    }
}
