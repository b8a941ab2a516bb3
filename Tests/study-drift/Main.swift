import Datasets
import DriftStudy
import Evaluation
import Glibc

/// Watches simulated fleets for drift: disturbances that must be found, nights that must be quiet.
@main
enum Main {
    private static let help = """
        study-drift watches a simulated fleet for drift with the code of device and back office.

        usage: study-drift [--nights N] [--engines N] [--regimes 1|6] [--seed N]
                           [--only quiet|cost]

          --nights N    undisturbed nights, 1 to 100000; 1000 unless told otherwise
          --engines N   engines of the fleet, 1 to 1000; 50 unless told otherwise
          --regimes N   operating regimes, 1 or 6; 1 unless told otherwise
          --seed N      another fleet; 1 unless told otherwise
          --only quiet  the undisturbed nights alone
          --only cost   nanoseconds that a device spends on counting a reading

        Every engine flies ten cycles in a night. Prints how many cycles each engine flew until a
        disturbance was found, and in how many undisturbed nights something was said to drift.
        Exits with 0 when everything was found and one alarm or less was false in a hundred nights,
        with 1 otherwise, with 64 when the arguments are wrong.
        """

    /// What the arguments ask for.
    private struct Request {
        var nights = 1_000
        var engines = 50
        var regimes = FleetConfiguration.Regimes.one
        var seed: UInt64 = 1
        var isQuietOnly = false
        var isCostOnly = false

        init?(_ arguments: [String]) {
            var rest = arguments[...]
            while let name = rest.popFirst() {
                let value = rest.popFirst()
                switch name {
                case "--nights":
                    guard let count = value.flatMap({ Int($0) }), (1...100_000).contains(count)
                    else { return nil }
                    nights = count
                case "--engines":
                    guard let count = value.flatMap({ Int($0) }), (1...1_000).contains(count)
                    else { return nil }
                    engines = count
                case "--regimes":
                    guard
                        let found = value.flatMap({ Int($0) })
                            .flatMap(FleetConfiguration.Regimes.init(rawValue:))
                    else { return nil }
                    regimes = found
                case "--seed":
                    guard let number = value.flatMap({ UInt64($0) }) else { return nil }
                    seed = number
                case "--only":
                    guard value == "quiet" || value == "cost" else { return nil }
                    isQuietOnly = value == "quiet"
                    isCostOnly = value == "cost"
                default: return nil
                }
            }
        }
    }

    static func main() throws {
        if CommandLine.arguments.contains("--help") { return print(help) }
        guard let request = Request(Array(CommandLine.arguments.dropFirst())) else {
            say(help)
            exit(64)
        }
        exit(try run(request) ? 0 : 1)
    }

    private static func run(_ request: Request) throws -> Bool {
        let cyclesPerNight = 10
        let study = try DriftStudy(
            DriftStudy.Fleet(
                regimes: request.regimes, engineCount: request.engines,
                cyclesPerNight: cyclesPerNight, seed: request.seed),
            lifeCount: min(
                FleetConfiguration.unitsMax,
                request.engines + request.nights * cyclesPerNight * request.engines / 150))
        if request.isCostOnly {
            print("\(study.nanosecondsPerReading().rounded()) ns a reading")
            return true
        }
        var isSound = true
        for disturbance in DriftStudy.disturbances where !request.isQuietOnly {
            if case .newRegime = disturbance.kind, request.regimes == .six { continue }
            let outcome = study.watch(disturbance, nightCount: 60, untilFound: true)
            isSound = isSound && outcome.cyclesUntilFound != nil
            let names = outcome.found.sorted {
                $0.figures?.distance ?? 0 > $1.figures?.distance ?? 0
            }.prefix(4).map { "\($0.track)/\($0.regimeName)" }
            print(
                "| \(disturbance.name) | \(outcome.cyclesUntilFound.map(String.init) ?? "never") "
                    + "| \(names.joined(separator: ", ")) |")
        }
        let start = ContinuousClock.now
        let quiet = study.watch(
            DriftStudy.undisturbed, nightCount: request.nights, untilFound: false
        ) { night in
            if night % 100 == 0 { say("\(night) nights, \(ContinuousClock.now - start)") }
        }
        print(
            "| undisturbed, \(quiet.nightCount) nights | \(quiet.alarmedNights) nights with an "
                + "alarm, \(quiet.newAlarms) with a new one | \(quiet.tracks) |")
        return isSound && quiet.alarmedNights * 100 < quiet.nightCount
    }

    /// Writes a line to standard error.
    private static func say(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        _ = write(STDERR_FILENO, bytes, bytes.count)
    }
}
