import Prognostics

/// A fleet of simulated turbofans: run-to-failure data for whoever has none.
///
/// The model is that of Saxena, Goebel, Simon, Eklund, "Damage propagation modeling for aircraft
/// engine run-to-failure simulation", PHM 2008.
/// Health declines as ``Degradation`` says, sensors answer linearly around ``OperatingPoint``s, and
/// measurement noise comes last. Each unit draws from a stream of its own, so unit 5 is the same in
/// a fleet of 10 and of 1,000; the same configuration gives the same bytes on every machine.
package struct FleetSimulator: Sendable {
    /// The subset name of the files: `train_SIM.txt`, `test_SIM.txt`, `RUL_SIM.txt`.
    package static let subset = "SIM"
    /// RULs at which test units are cut off, in cycles; NASA's test units have 6 to 195.
    package static let cutRULs = 7...145
    /// Cycles that a test unit shows at least; NASA's shortest shows 31.
    package static let testCyclesMin = 31

    /// What the fleet is made of.
    package let configuration: FleetConfiguration

    package init(_ configuration: FleetConfiguration) { self.configuration = configuration }

    /// Units 1, 2 and so on, run to failure.
    package func training() -> [Trajectory] {
        units(.training).map { trajectory($0.number, $0.rows, endsInFailure: true) }
    }

    /// Other units 1, 2 and so on, cut off before they fail, with what was left of each.
    package func testing() -> TestUnits {
        let cut = cutUnits()
        return TestUnits(
            trajectories: cut.map { trajectory($0.number, $0.rows, endsInFailure: false) },
            trueRULs: cut.map(\.rul))
    }

    /// Writes the three files into a folder, which is created if missing; each appears whole.
    package func write(to folder: String) throws(DatasetError) {
        try WholeFile.createFolder(folder)
        var text: [UInt8] = []
        for unit in units(.training) {
            for row in unit.rows { row.append(unit: unit.number, to: &text) }
        }
        try WholeFile.write(text, to: "\(folder)/train_\(Self.subset).txt")
        text.removeAll(keepingCapacity: true)
        var ruls: [UInt8] = []
        for unit in cutUnits() {
            for row in unit.rows { row.append(unit: unit.number, to: &text) }
            ruls.append(contentsOf: "\(unit.rul) \n".utf8)
        }
        try WholeFile.write(text, to: "\(folder)/test_\(Self.subset).txt")
        try WholeFile.write(ruls, to: "\(folder)/RUL_\(Self.subset).txt")
    }

    /// The two halves of a data set; their units share numbers and nothing else.
    private enum Half: UInt64 { case training = 1, testing = 2 }

    /// One unit's whole life.
    private struct Unit {
        let number: Int
        let rows: [CMAPSSRow]
    }

    /// The beginning of one unit's life.
    private struct CutUnit {
        let number: Int
        let rows: [CMAPSSRow]
        let rul: Int32
    }

    private func units(_ half: Half) -> [Unit] {
        (1...configuration.units).map { number in
            var random = stream(half, number)
            return Unit(number: number, rows: life(&random))
        }
    }

    private func cutUnits() -> [CutUnit] {
        (1...configuration.units).map { number in
            var random = stream(.testing, number)
            let rows = life(&random)
            // A life has at least 100 cycles, so there is always a choice.
            let longest = min(Self.cutRULs.upperBound, rows.count - Self.testCyclesMin)
            let choices = UInt64(longest - Self.cutRULs.lowerBound + 1)
            let rul = Self.cutRULs.lowerBound + Int(random.next() % choices)
            return CutUnit(
                number: number, rows: Array(rows.dropLast(rul)),
                // At most 145.
                rul: Int32(rul))
        }
    }

    /// What sets one unit's sensors apart from another's of equal wear.
    private struct Engine {
        let fault: Degradation.Fault
        /// Its wear in the first cycle.
        let new: Degradation.Wear
        /// How its core speed goes as it wears, normally distributed.
        let core: Double
        /// Offset of each sensor, in its unit.
        let build: [Double]

        init(_ degradation: Degradation, _ random: inout SplitMix64) {
            fault = degradation.fault
            new = degradation.wear[0]
            core = random.normal()
            let coreBuild = random.normal()
            build = SensorResponse.all.map {
                $0.build * random.normal() + $0.coreBuild * coreBuild
            }
        }
    }

    /// The unit's own stream of random numbers.
    private func stream(_ half: Half, _ number: Int) -> SplitMix64 {
        let unit = half.rawValue << 32 | UInt64(number)
        return SplitMix64(seed: SplitMix64.mix(configuration.seed) ^ SplitMix64.mix(unit))
    }

    private func life(_ random: inout SplitMix64) -> [CMAPSSRow] {
        let isFan = configuration.faultModes == .two && random.next() & 1 == 1
        let degradation = Degradation(
            isFan ? .fan : .compressor, configuration.wearLaw, &random)
        let engine = Engine(degradation, &random)
        return degradation.wear.enumerated().compactMap { index, wear in
            let values = measure(wear, engine, &random)
            // Lives are far below the limit of a cycle count.
            return CycleCount(Int32(index + 1)).map { CMAPSSRow(cycle: $0, values: values) }
        }
    }

    /// One cycle's settings and sensors.
    private func measure(
        _ wear: Degradation.Wear, _ engine: Engine, _ random: inout SplitMix64
    ) -> [Double] {
        let point = OperatingPoint.draw(configuration.regimes, &random)
        var values = point.settings(configuration.regimes, &random)
        for (index, response) in SensorResponse.all.enumerated() {
            let nominal = point.nominal[index]
            let shift = response.shift(
                wear, since: engine.new, engine.fault, core: engine.core, nominal: nominal)
            let noise = response.noise * random.normal()
            values.append(nominal + engine.build[index] + shift + noise)
        }
        return values
    }

    private func trajectory(
        _ number: Int, _ rows: [CMAPSSRow], endsInFailure: Bool
    ) -> Trajectory {
        guard let unit = UnitIdentifier(String(number)) else {
            preconditionFailure("a number is an identifier")
        }
        return Trajectory(
            unit: unit, snapshots: rows.map(\.snapshot), endsInFailure: endsInFailure)
    }
}
