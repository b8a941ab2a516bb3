import Glibc
import Simulation

/// Runs the simulation of the device from the command line: many seeds, or one with its trace.
@main
enum Main {
    private static let help = """
        simulate-edge runs the device's machine in a simulated world and checks what it promises.

        usage: simulate-edge --seeds COUNT [--first N] [--jobs N]
               simulate-edge --seed N [--trace]
               simulate-edge --sabotages [--seeds COUNT]

          --seeds COUNT  run so many seeds; progress goes to standard error
          --first N      from this seed on; 0 unless told otherwise
          --jobs N       on so many threads, 1 to 64; 2 unless told otherwise
          --seed N       run one seed
          --trace        print what happens in it, line by line
          --sabotages    put each deliberate fault in, and print the first seed that shows it

        Prints how often each fault was injected and each state was reached. Exits with 0 when no
        seed breaks the promise, with 1 when one does, with 64 when the arguments are wrong. With
        --sabotages it exits with 1 when some fault stays unseen.
        """

    /// What the arguments ask for.
    private struct Request {
        var count: UInt64?
        var first: UInt64 = 0
        var seed: UInt64?
        var jobs = 2
        var isTraced = false
        var sabotages = false

        init?(_ arguments: [String]) {
            var rest = arguments[...]
            while let name = rest.popFirst() {
                switch name {
                case "--seeds":
                    guard let number = rest.popFirst().flatMap({ UInt64($0) }), number > 0,
                        number <= UInt64(UInt32.max)
                    else { return nil }
                    count = number
                case "--first":
                    guard let number = rest.popFirst().flatMap({ UInt64($0) }),
                        number <= UInt64(Int64.max)
                    else { return nil }
                    first = number
                case "--seed":
                    guard let number = rest.popFirst().flatMap({ UInt64($0) }) else { return nil }
                    seed = number
                case "--jobs":
                    guard let count = rest.popFirst().flatMap({ Int($0) }),
                        (1...SeedWatch.slotCount).contains(count)
                    else { return nil }
                    jobs = count
                case "--trace": isTraced = true
                case "--sabotages": sabotages = true
                default: return nil
                }
            }
            guard !isTraced || seed != nil, !sabotages || seed == nil else { return nil }
            guard sabotages || (count == nil) != (seed == nil) else { return nil }
        }
    }

    static func main() async {
        if CommandLine.arguments.contains("--help") { return print(help) }
        guard let request = Request(Array(CommandLine.arguments.dropFirst())) else {
            say(help)
            exit(64)
        }
        let isSound =
            if request.sabotages {
                showSabotages(request.first..<request.first + (request.count ?? 40))
            } else if let seed = request.seed {
                runOne(seed, isTraced: request.isTraced)
            } else {
                await runMany(
                    request.first..<request.first + (request.count ?? 1), jobs: request.jobs)
            }
        exit(isSound ? 0 : 1)
    }

    /// Writes a line to standard error.
    private static func say(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        _ = write(STDERR_FILENO, bytes, bytes.count)
    }

    private static func runOne(_ seed: UInt64, isTraced: Bool) -> Bool {
        SeedWatch.run(seed, slot: 0) {
            var world = SimulationWorld(seed: seed, isTraced: isTraced)
            let violation = world.run()
            if isTraced { print(world.trace.text, terminator: "") }
            print(world.coverage.table)
            print("seed \(seed): \(violation ?? "sound")")
            return violation == nil
        }
    }

    /// Prints for each deliberate fault the first seed that shows it; says whether all were seen.
    private static func showSabotages(_ seeds: Range<UInt64>) -> Bool {
        var unseen = 0
        for sabotage in Sabotage.allCases where sabotage != .none {
            let seen = SimulationSweep.firstSight(of: sabotage, in: seeds)
            if seen == nil { unseen += 1 }
            let name = sabotage.rawValue
            let pad = String(repeating: " ", count: max(0, 26 - name.utf8.count))
            print(name + pad + (seen.map { "seed \($0.seed): \($0.violation)" } ?? "UNSEEN"))
        }
        return unseen == 0
    }

    private static func runMany(_ seeds: Range<UInt64>, jobs: Int) async -> Bool {
        let start = ContinuousClock.now
        var told = start
        func rate(_ runs: Int, at now: ContinuousClock.Instant) -> Int {
            Int(Double(runs) / ((now - start) / .seconds(1)) * 3_600)
        }
        var shown = 0
        let sweep = await SimulationSweep.run(seeds, jobs: jobs) { sweep in
            for failure in sweep.failures[shown...] {
                say("seed \(failure.seed): \(failure.violation)")
            }
            shown = sweep.failures.count
            let now = ContinuousClock.now
            guard now - told >= .seconds(10) else { return }
            told = now
            say(
                "\(sweep.runs) of \(seeds.count) seeds, \(sweep.failureCount) failures, "
                    + "\(rate(sweep.runs, at: now)) seeds an hour")
        }
        print(sweep.coverage.table)
        for reached in sweep.coverage.missing { print("never: \(reached.rawValue)") }
        for failure in sweep.failures { print("seed \(failure.seed): \(failure.violation)") }
        print(
            "\(sweep.runs) seeds, \(sweep.failureCount) failures, "
                + "\(rate(sweep.runs, at: .now)) seeds an hour")
        return sweep.failureCount == 0
    }
}
