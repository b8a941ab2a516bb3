import Datasets
import Prognostics
import TestSupport
import Testing

/// The simulated fleet beside the four files that it imitates.
///
/// Limits leave room for another seed; what was measured with 400 units stands beside them.
@Suite(
    "The simulated fleet beside NASA's files",
    .enabled(if: CMAPSS.isPresent, "\(CMAPSS.skipMessage)"))
struct FleetAgainstNASATests {
    struct Pair: CustomTestStringConvertible, Sendable {
        let subset: String
        let regimes: FleetConfiguration.Regimes
        let faultModes: FleetConfiguration.FaultModes

        var testDescription: String { subset }

        func real() throws -> [Trajectory] {
            try DatasetFolder(try #require(CMAPSS.folder)).train(subset: subset)
        }

        func simulated() throws -> [Trajectory] {
            try FleetSimulatorTests.simulator(
                units: 400, regimes: regimes, faultModes: faultModes
            ).training()
        }

        /// The point of flight, told by its altitude; one for all where there is one.
        func regime(_ snapshot: Snapshot) -> Int {
            regimes == .one ? 0 : Int(snapshot.setting(1).rounded())
        }
    }

    static let pairs = [
        Pair(subset: "FD001", regimes: .one, faultModes: .one),
        Pair(subset: "FD002", regimes: .six, faultModes: .one),
        Pair(subset: "FD003", regimes: .one, faultModes: .two),
        Pair(subset: "FD004", regimes: .six, faultModes: .two),
    ]

    /// The sensors that carry wear, in the literature on these files.
    static let informative = [2, 3, 4, 7, 8, 9, 11, 12, 13, 14, 15, 17, 20, 21]

    @Test("Channels that are flat at every point of flight in NASA's files are flat here")
    func flatChannels() throws {
        for pair in Self.pairs where pair.regimes == .one {
            #expect(
                try Self.flat(pair.simulated(), pair) == Self.flat(pair.real(), pair),
                "\(pair.subset)")
        }
        // Two readings are never more than the last digit apart there; here they are flat.
        for pair in Self.pairs where pair.regimes == .six {
            let extra = try Self.flat(pair.simulated(), pair).subtracting(
                Self.flat(pair.real(), pair))
            #expect(extra.isSubset(of: [10, 16]), "\(pair.subset)")
        }
    }

    static func flat(_ units: [Trajectory], _ pair: Pair) -> Set<Int> {
        var flat = Set(1...21)
        var first: [Int: Snapshot] = [:]
        for snapshot in units.lazy.flatMap(\.snapshots) {
            let reference = first[pair.regime(snapshot), default: snapshot]
            first[pair.regime(snapshot)] = reference
            flat = flat.filter { snapshot.sensor($0) == reference.sensor($0) }
        }
        return flat
    }

    /// Measured: at least 0.955 of the readings of a channel at a point of flight.
    @Test(
        "Nine readings in ten lie within the range of NASA's, by channel and point",
        arguments: pairs)
    func ranges(pair: Pair) throws {
        let real = Dictionary(grouping: try pair.real().flatMap(\.snapshots), by: pair.regime)
        let ours = Dictionary(grouping: try pair.simulated().flatMap(\.snapshots), by: pair.regime)
        #expect(real.count == pair.regimes.rawValue)
        #expect(Set(real.keys) == Set(ours.keys))
        for (regime, snapshots) in real {
            let simulated = try #require(ours[regime])
            for sensor in Self.informative {
                let values = snapshots.map { $0.sensor(sensor) }
                let range = try #require(values.min())...(try #require(values.max()))
                let inside = simulated.count { range.contains($0.sensor(sensor)) }
                let share = Double(inside) / Double(simulated.count)
                #expect(share > 0.9, "sensor \(sensor) at \(regime): \(share) inside \(range)")
            }
        }
    }

    @Test("Towards failure as many units rise in each channel as in NASA's files", arguments: pairs)
    func trends(pair: Pair) throws {
        let real = try Self.rising(pair.real(), pair)
        let ours = try Self.rising(pair.simulated(), pair)
        for (index, sensor) in Self.informative.enumerated() {
            // Core speed 9 and 14 rise in 57 to 85 % of NASA's units.
            let difference = abs(real[index] - ours[index])
            #expect(difference < 0.25, "sensor \(sensor): \(real[index]), here \(ours[index])")
        }
    }

    /// The share of units whose last 20 readings are above their first 30, by informative sensor.
    static func rising(_ units: [Trajectory], _ pair: Pair) throws -> [Double] {
        let scaled = standardized(units, pair)
        return informative.indices.map { index in
            let rises = scaled.count { unit in
                mean(unit.suffix(20).map { $0[index] }) > mean(unit.prefix(30).map { $0[index] })
            }
            return Double(rises) / Double(units.count)
        }
    }

    /// Measured: 0.14, 0.09, 0.19, 0.09.
    @Test("Lives are distributed as NASA's, to 0.25 by Kolmogorov and Smirnov", arguments: pairs)
    func lives(pair: Pair) throws {
        let real = try pair.real().map(\.snapshots.count)
        let ours = try pair.simulated().map(\.snapshots.count)
        let distance = (0...600).map { life in
            let below = Double(real.count { $0 <= life }) / Double(real.count)
            return abs(below - Double(ours.count { $0 <= life }) / Double(ours.count))
        }.max()
        #expect(try #require(distance) < 0.25)
    }

    @Test("Channels correlate with each other as in NASA's files", arguments: pairs)
    func correlations(pair: Pair) throws {
        let real = Self.correlations(Self.standardized(try pair.real(), pair))
        let ours = Self.correlations(Self.standardized(try pair.simulated(), pair))
        let agreement = Self.correlation(real, ours)
        let limit = pair.subset == "FD001" ? 0.97 : 0.85
        #expect(agreement > limit, "\(agreement)")
    }

    /// The informative channels of each row, by unit, to mean 0 and deviation 1 at each point.
    static func standardized(_ units: [Trajectory], _ pair: Pair) -> [[[Double]]] {
        let regimes = Dictionary(grouping: units.flatMap(\.snapshots), by: pair.regime)
        let scales = regimes.mapValues { snapshots in
            informative.map { sensor in
                let values = snapshots.map { Double($0.sensor(sensor)) }
                let level = mean(values)
                let variance = mean(values.map { ($0 - level) * ($0 - level) })
                return (level, variance > 0 ? variance.squareRoot() : 1)
            }
        }
        return units.map { unit in
            unit.snapshots.map { snapshot in
                zip(informative, scales[pair.regime(snapshot)] ?? []).map { sensor, scale in
                    (Double(snapshot.sensor(sensor)) - scale.0) / scale.1
                }
            }
        }
    }

    /// The correlation of each pair of channels over all rows.
    static func correlations(_ units: [[[Double]]]) -> [Double] {
        let columns = informative.indices.map { index in units.flatMap { $0.map { $0[index] } } }
        return columns.indices.flatMap { first in
            columns.indices.dropFirst(first + 1).map { correlation(columns[first], columns[$0]) }
        }
    }

    static func correlation(_ a: [Double], _ b: [Double]) -> Double {
        let (meanA, meanB) = (mean(a), mean(b))
        var (ab, aa, bb) = (0.0, 0.0, 0.0)
        for (x, y) in zip(a, b) {
            ab += (x - meanA) * (y - meanB)
            aa += (x - meanA) * (x - meanA)
            bb += (y - meanB) * (y - meanB)
        }
        return ab / (aa * bb).squareRoot()
    }

    static func mean(_ values: [Double]) -> Double {
        values.reduce(0, +) / Double(values.count)
    }
}
