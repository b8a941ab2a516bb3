import ArgumentParser
import Datasets

extension FleetConfiguration.WearLaw: ExpressibleByArgument {
    package static var allValueStrings: [String] { allCases.map(\.rawValue) }
}

/// `backoffice simulate`: writes a fleet where NASA's files are not at hand.
struct SimulateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Write a simulated fleet: train_SIM.txt, test_SIM.txt and RUL_SIM.txt.",
        discussion: """
            The same options give the same bytes. Units run to failure in the train file and are \
            cut off in the test file, as in NASA's C-MAPSS data.

              backoffice simulate --out data --units 100 --seed 7 --regimes 1 --fault-modes 1
            """)

    @Option(help: .setting("OUT", "The folder to write to; created if missing."))
    var out: String?

    @Option(help: .setting("UNITS", "Units in each file, 1 to 20000.", default: "100"))
    var units: Int?

    @Option(help: .setting("SEED", "The seed of the fleet, 0 to \(UInt64.max).", default: "1"))
    var seed: UInt64?

    @Option(help: .setting("REGIMES", "Operating regimes, 1 or 6.", default: "1"))
    var regimes: Int?

    @Option(help: .setting("FAULT_MODES", "Fault modes, 1 or 2.", default: "1"))
    var faultModes: Int?

    @Option(
        help: .setting(
            "WEAR",
            "How wear grows: 'gradual' as in NASA's data, 'sudden' late in life and then fast.",
            default: "gradual"))
    var wear: FleetConfiguration.WearLaw?

    func run() throws {
        let folder: String = try Setting.required(out, "OUT")
        let regimeCount = try Setting.optional(regimes, "REGIMES") ?? 1
        guard let regimes = FleetConfiguration.Regimes(rawValue: regimeCount) else {
            throw ValidationError("--regimes is \(regimeCount), expected 1 or 6.")
        }
        let modeCount = try Setting.optional(faultModes, "FAULT_MODES") ?? 1
        guard let faultModes = FleetConfiguration.FaultModes(rawValue: modeCount) else {
            throw ValidationError("--fault-modes is \(modeCount), expected 1 or 2.")
        }
        let units = try Setting.optional(units, "UNITS") ?? 100
        guard
            let configuration = FleetConfiguration(
                units: units, seed: try Setting.optional(seed, "SEED") ?? 1, regimes: regimes,
                faultModes: faultModes,
                wearLaw: try Setting.optional(wear, "WEAR") ?? .gradual)
        else {
            throw ValidationError(
                "--units is \(units), expected 1 to \(FleetConfiguration.unitsMax).")
        }
        try FleetSimulator(configuration).write(to: folder)
        for name in ["train", "test", "RUL"] {
            try printResult("\(folder)/\(name)_\(FleetSimulator.subset).txt")
        }
    }
}
