import Glibc

/// Names the seeds that are being run when the process dies of a trap.
///
/// A precondition of the machine ends the process before anybody can say which seed broke it. The
/// handler writes the seeds to standard error and lets the trap take its course.
package enum SeedWatch {
    /// Most runs at once.
    package static let slotCount = 64
    private static let idle = UInt64.max

    // Invariant: allocated once and never freed; every slot is written by one task at a time, and
    // read by the handler, to which a torn seed would be a wrong number in a message.
    nonisolated(unsafe) private static let seeds = {
        let seeds = UnsafeMutablePointer<UInt64>.allocate(capacity: slotCount)
        seeds.initialize(repeating: idle, count: slotCount)
        return seeds
    }()

    private static let installed: Void = {
        _ = seeds[0]
        for number in [SIGILL, SIGTRAP, SIGABRT, SIGSEGV] {
            signal(number) { number in
                SeedWatch.write()
                signal(number, SIG_DFL)
            }
        }
    }()

    /// Runs `body` as the run of `seed` in a slot.
    package static func run<Result>(_ seed: UInt64, slot: Int, _ body: () -> Result) -> Result {
        _ = installed
        seeds[slot % slotCount] = seed
        defer { seeds[slot % slotCount] = idle }
        return body()
    }

    /// Writes the seeds, with nothing but what a signal handler may call.
    private static func write() {
        for slot in 0..<slotCount where seeds[slot] != idle {
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 40) { line in
                var end = line.count - 1
                line[end] = UInt8(ascii: "\n")
                var rest = seeds[slot]
                repeat {
                    end -= 1
                    line[end] = UInt8(ascii: "0") + UInt8(rest % 10)
                    rest /= 10
                } while rest > 0
                guard let base = line.baseAddress else { return }
                _ = Glibc.write(STDERR_FILENO, "seed ", 5)
                _ = Glibc.write(STDERR_FILENO, base + end, line.count - end)
            }
        }
    }
}
