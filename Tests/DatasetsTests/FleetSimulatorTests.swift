import Datasets
import Prognostics
import TestSupport
import Testing

@Suite("Simulated fleet")
struct FleetSimulatorTests {
    static func simulator(
        units: Int = 20, seed: UInt64 = 7, regimes: FleetConfiguration.Regimes = .one,
        faultModes: FleetConfiguration.FaultModes = .one
    ) throws -> FleetSimulator {
        FleetSimulator(
            try #require(
                FleetConfiguration(
                    units: units, seed: seed, regimes: regimes, faultModes: faultModes)))
    }

    static let fileNames = ["RUL_SIM.txt", "test_SIM.txt", "train_SIM.txt"]

    /// The sensors that NASA's FD001 leaves flat.
    static let flatSensors = [1, 5, 10, 16, 18, 19]

    @Test(
        "The same configuration gives the same bytes, and another seed others",
        arguments: FleetConfiguration.Regimes.allCases, FleetConfiguration.FaultModes.allCases)
    func deterministic(
        regimes: FleetConfiguration.Regimes, faultModes: FleetConfiguration.FaultModes
    ) throws {
        let folders = try (0..<3).map { _ in try TemporaryFolder("fleet") }
        for (folder, seed) in zip(folders, [7, 7, 8] as [UInt64]) {
            try Self.simulator(units: 5, seed: seed, regimes: regimes, faultModes: faultModes)
                .write(to: folder.path("deep/er"))
            #expect(
                try Subprocess.run("ls", [folder.path("deep/er")]).output
                    == Self.fileNames.joined(separator: "\n") + "\n")
        }
        for name in Self.fileNames {
            let bytes = try folders.map { try $0.read("deep/er/\(name)") }
            #expect(bytes[0] == bytes[1])
            #expect(bytes[0] != bytes[2])
        }
    }

    @Test("The bytes are the same on every machine")
    func golden() throws {
        let folder = try TemporaryFolder("fleet")
        try Self.simulator(units: 3, seed: 1, regimes: .six, faultModes: .two)
            .write(to: folder.path)
        let sums = try Subprocess.run("sha256sum", Self.fileNames.map { folder.path($0) })
        let digests = sums.output.split(separator: "\n").map { String($0.prefix(16)) }
        #expect(digests == ["667ec8d82b9f6e36", "3621a379d1a687f2", "24bec68c2eba3661"])
    }

    @Test("Under the sudden law lives are as long, and half of them shows hardly any wear")
    func suddenWear() throws {
        let fleets = try FleetConfiguration.WearLaw.allCases.map { law in
            FleetSimulator(
                try #require(FleetConfiguration(units: 40, seed: 7, wearLaw: law))
            ).training()
        }
        func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
        /// How far T50 has risen at half of a life, as a share of its rise up to the failure.
        func riseAtHalf(_ life: Trajectory) -> Double {
            let half = life.snapshots.count / 2
            let t50 = life.snapshots.map { Double($0.sensor(4)) }
            let (young, old) = (mean(Array(t50[..<20])), mean(Array(t50.suffix(5))))
            return (mean(Array(t50[half - 5..<half + 5])) - young) / (old - young)
        }
        let lengths = fleets.map { mean($0.map { Double($0.snapshots.count) }) }
        #expect(abs(lengths[0] - lengths[1]) < 30, "\(lengths)")
        let rises = fleets.map { mean($0.map(riseAtHalf)) }
        #expect(rises[0] > 0.12 && rises[1] < 0.06, "\(rises)")
    }

    @Test(
        "The files hold exactly what the trajectories do",
        arguments: FleetConfiguration.Regimes.allCases)
    func files(regimes: FleetConfiguration.Regimes) throws {
        let simulator = try Self.simulator(regimes: regimes, faultModes: .two)
        let folder = try TemporaryFolder("fleet")
        try simulator.write(to: folder.path)
        let dataset = DatasetFolder(folder.path)
        #expect(try dataset.train(subset: "SIM") == simulator.training())
        #expect(try dataset.test(subset: "SIM") == simulator.testing())
    }

    @Test("The rows look like NASA's: 26 columns with as many digits, two blanks at the end")
    func format() throws {
        let folder = try TemporaryFolder("fleet")
        try Self.simulator(units: 1).write(to: folder.path)
        let text = String(decoding: try folder.read("train_SIM.txt"), as: UTF8.self)
        let first = try #require(text.split(separator: "\n").first)
        #expect(first.hasSuffix("  "))
        let digits = first.split(separator: " ").map { value in
            value.split(separator: ".").dropFirst().first?.count ?? 0
        }
        #expect(digits.count == 26)
        let expected =
            [0, 0, 4, 4, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 4, 2, 0, 0, 2, 2, 4]
        #expect(digits == expected)
    }

    @Test("A unit is the same in a small fleet and in a large one")
    func unitsAreIndependent() throws {
        let small = try Self.simulator(units: 3).training()
        let large = try Self.simulator(units: 30).training()
        #expect(Array(large[..<3]) == small)
    }

    @Test("Training and test units are different engines")
    func halvesDiffer() throws {
        let simulator = try Self.simulator(units: 5)
        for (train, test) in zip(simulator.training(), simulator.testing().trajectories) {
            #expect(train.snapshots[0] != test.snapshots[0])
        }
    }

    @Test("No life of 10,000 is born failed, and lives spread as NASA's do")
    func lives() throws {
        let lives = try Self.simulator(units: 10_000, seed: 3).training()
            .map(\.snapshots.count).sorted()
        #expect(lives[0] >= 100)
        #expect(lives[9_999] <= 550)
        // FD001: 5 % of the units live below 147 cycles, half below 199, 95 % below 287.
        #expect((125...165).contains(lives[500]))
        #expect((185...215).contains(lives[5_000]))
        #expect((265...330).contains(lives[9_500]))
    }

    @Test("Test units show at least 31 cycles and are cut 7 to 145 cycles before failure")
    func testUnits() throws {
        let test = try Self.simulator(units: 1_000).testing()
        #expect(test.trajectories.allSatisfy { $0.snapshots.count >= 31 && !$0.endsInFailure })
        #expect(test.trueRULs.allSatisfy { (7...145).contains($0) })
        let mean = Double(test.trueRULs.reduce(0, +)) / 1_000
        #expect((60...85).contains(mean), "NASA's FD001 has a mean of 75.5")
    }

    @Test(
        "In one regime the sensors that are flat in FD001 or FD003 are flat",
        arguments: FleetConfiguration.FaultModes.allCases)
    func flatSensors(faultModes: FleetConfiguration.FaultModes) throws {
        let units = try Self.simulator(faultModes: faultModes).training()
        let first = units[0].snapshots[0]
        for number in 1...21 {
            let isFlat = units.allSatisfy { unit in
                unit.snapshots.allSatisfy { $0.sensor(number) == first.sensor(number) }
            }
            // A worn fan raises EPR (10), in FD003 too.
            let isFan = faultModes == .two && number == 10
            #expect(
                isFlat == (Self.flatSensors.contains(number) && !isFan), "sensor \(number)")
        }
    }

    @Test("Six regimes fly at the six points of C-MAPSS, each in its share of the cycles")
    func regimes() throws {
        let snapshots = try Self.simulator(units: 100, regimes: .six).training()
            .flatMap(\.snapshots)
        let altitudes: [Float: (Float, Float)] = [
            0: (0, 100), 10: (0.25, 100), 20: (0.7, 100), 25: (0.62, 60), 35: (0.84, 100),
            42: (0.84, 100),
        ]
        var counts: [Float: Int] = [:]
        for snapshot in snapshots {
            let altitude = snapshot.setting(1).rounded()
            let (mach, throttle) = try #require(altitudes[altitude])
            #expect(abs(snapshot.setting(1) - altitude) < 0.009)
            #expect(abs(snapshot.setting(2) - mach) < 0.003)
            #expect(snapshot.setting(3) == throttle)
            counts[altitude, default: 0] += 1
        }
        for altitude in altitudes.keys {
            let share = Double(counts[altitude] ?? 0) / Double(snapshots.count)
            #expect(abs(share - (altitude == 42 ? 0.25 : 0.15)) < 0.02)
        }
    }

    /// Mean of a sensor over the first 30 cycles, its standard deviation there, and its mean over
    /// the last 4 cycles, of all units.
    static func youthAndEnd(_ units: [Trajectory], sensor: Int) -> (Double, Double, Double) {
        let young = units.flatMap { $0.snapshots.prefix(30).map { Double($0.sensor(sensor)) } }
        let old = units.flatMap { $0.snapshots.suffix(4).map { Double($0.sensor(sensor)) } }
        let mean = young.reduce(0, +) / Double(young.count)
        let variance = young.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(young.count)
        return (mean, variance.squareRoot(), old.reduce(0, +) / Double(old.count))
    }

    @Test(
        "Levels, trends and noise are those of FD001",
        .enabled(if: CMAPSS.isPresent, "\(CMAPSS.skipMessage)"),
        arguments: [2, 3, 4, 7, 8, 9, 11, 12, 13, 14, 15, 17, 20, 21])
    func likeNASA(sensor: Int) throws {
        let real = try DatasetFolder(try #require(CMAPSS.folder)).train(subset: "FD001")
        let ours = try Self.simulator(units: 100).training()
        let (realLevel, realNoise, realEnd) = Self.youthAndEnd(real, sensor: sensor)
        let (level, noise, end) = Self.youthAndEnd(ours, sensor: sensor)
        #expect(abs(level - realLevel) < realNoise)
        #expect((0.6...1.6).contains(noise / realNoise))
        #expect((0.6...1.6).contains((end - level) / (realEnd - realLevel)))
    }

    @Test("A worn fan raises what a worn compressor lowers: P30, phi and the coolant bleeds")
    func faultModes() throws {
        let units = try Self.simulator(units: 200, faultModes: .two).training()
        let rises = units.map { unit in
            [7, 12, 20, 21].map { sensor in
                let (level, _, end) = Self.youthAndEnd([unit], sensor: sensor)
                return end > level
            }
        }
        #expect(rises.allSatisfy { Set($0).count == 1 })
        let fans = rises.count { $0[0] }
        #expect((70...130).contains(fans), "half of 200 units")
    }

    @Test("A fleet has 1 to 20,000 units")
    func configuration() {
        #expect(FleetConfiguration(units: 0, seed: 1) == nil)
        #expect(FleetConfiguration(units: 1, seed: 1) != nil)
        #expect(FleetConfiguration(units: 20_000, seed: 1) != nil)
        #expect(FleetConfiguration(units: 20_001, seed: 1) == nil)
    }

    @Test("A folder that cannot be created is an error with the system's reason")
    func unwritable() throws {
        let folder = try TemporaryFolder("fleet")
        let file = try folder.write("x", to: "file")
        #expect(throws: DatasetError.self) {
            try Self.simulator(units: 1).write(to: file + "/below")
        }
    }
}
