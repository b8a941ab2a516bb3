import Datasets
import Features
import Prognostics
import TestSupport
import Testing
import Training

/// How many operating regimes a fleet flies, and where.
@Suite("Regime clustering")
struct RegimeClusteringTests {
    /// C-MAPSS's six operating points: altitude in 1000 ft, Mach number, throttle angle.
    static let operatingPoints: [(Double, Double, Double)] = [
        (0, 0, 100), (10, 0.25, 100), (20, 0.7, 100), (25, 0.62, 60), (35, 0.84, 100),
        (42, 0.84, 100),
    ]

    static func points(_ count: Int, around: [(Double, Double, Double)]) -> (
        points: [RegimeClustering.Point], origin: [Int]
    ) {
        var generator = SplitMix64(seed: 5)
        var points: [RegimeClustering.Point] = []
        var origin: [Int] = []
        for _ in 0..<count {
            let index = Int(generator.uniform() * Double(around.count))
            let (altitude, mach, throttle) = around[index]
            points.append([
                (altitude + generator.uniform() * 0.02) / 42,
                (mach + generator.uniform() * 0.01) / 0.84, throttle / 100,
            ])
            origin.append(index)
        }
        return (points, origin)
    }

    @Test("Each operating point is a regime of its own, in order of altitude", arguments: 1...6)
    func operatingPointsAreFound(count: Int) {
        let (points, origin) = Self.points(2_000, around: Array(Self.operatingPoints.prefix(count)))
        let centroids = RegimeClustering.centroids(of: points)
        #expect(centroids.count == count)
        for (point, origin) in zip(points, origin) {
            #expect(RegimeClustering.nearest(to: point, of: centroids).index == origin)
        }
    }

    @Test("Settings spread evenly give six regimes, the same each time")
    func evenSpread() {
        var generator = SplitMix64(seed: 9)
        let points = (0..<500).map { _ -> RegimeClustering.Point in
            [generator.uniform(), generator.uniform(), generator.uniform()]
        }
        let first = RegimeClustering.centroids(of: points)
        let second = RegimeClustering.centroids(of: points)
        #expect(first.count == RegimeClustering.countMax)
        #expect(zip(first, second).allSatisfy { a, b in (0..<3).allSatisfy { a[$0] == b[$0] } })
    }

    @Test(
        "The regimes of NASA's FD002 are the groups of rounded altitude",
        .enabled(if: CMAPSS.isPresent, Comment(rawValue: CMAPSS.skipMessage)))
    func roundedAltitudes() throws {
        let folder = DatasetFolder(try #require(CMAPSS.folder))
        let trajectories = try folder.train(subset: "FD002")
        let parameters = try FeatureFitting.fit(trajectories)
        #expect(parameters.regimeCount == 6)
        let altitudes: [Float] = [0, 10, 20, 25, 35, 42]
        for snapshot in trajectories.flatMap(\.snapshots) {
            let regime = parameters.regime(of: snapshot)
            #expect(altitudes[regime] == snapshot.setting(1).rounded())
        }
    }

    @Test("A simulated fleet has as many regimes as it flies", arguments: [1, 6])
    func simulatedFleet(count: Int) throws {
        let regimes = try #require(FleetConfiguration.Regimes(rawValue: count))
        let configuration = FleetConfiguration(units: 10, seed: 4, regimes: regimes)
        let fleet = FleetSimulator(try #require(configuration)).training()
        let parameters = try FeatureFitting.fit(fleet)
        #expect(parameters.regimeCount == count)
        let altitudes = Set(fleet.flatMap(\.snapshots).map { $0.setting(1).rounded() }).sorted()
        try #require(altitudes.count == count)
        for snapshot in fleet.flatMap(\.snapshots) {
            #expect(altitudes[parameters.regime(of: snapshot)] == snapshot.setting(1).rounded())
        }
    }
}
