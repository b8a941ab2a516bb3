import Datasets
import Inference
import Quantization
import Testing

/// The rule of the interval, written down a second time by plain enumeration.
private enum Enumeration {
    /// The least residual, in the direction of `sign`, below or at which `level` of the weight is.
    static func quantile(_ units: [[Double]], level: Double, sign: Double) -> Double {
        let all = units.flatMap { $0 }.map { $0 * sign }
        let enough = all.filter { bound in
            let shares = units.map { unit in
                Double(unit.count { $0 * sign <= bound }) / Double(unit.count)
            }
            return shares.reduce(0, +) / Double(units.count) >= level - 1e-9
        }
        return sign * (enough.min() ?? 125)
    }

    /// Reaches below and above, bin by bin, at one level.
    static func reaches(_ units: [[CalibrationRow]], level: Double) -> [Double] {
        (0..<3).flatMap { bin -> [Double] in
            let borders: [Float] = [-.infinity, 40, 100, .infinity]
            let residuals = units.map { unit in
                unit.filter { borders[bin] <= $0.rul && $0.rul < borders[bin + 1] }
                    .map(\.residual)
            }.filter { !$0.isEmpty }
            guard !residuals.isEmpty else { return [125, 125] }
            return [
                max(0, -quantile(residuals, level: level, sign: -1)),
                max(0, quantile(residuals, level: level, sign: 1)),
            ]
        }
    }

    /// The mean coverage of units, each judged by the reaches of the others.
    static func coverage(_ units: [[CalibrationRow]], level: Double) -> Double {
        let shares = units.indices.map { out -> Double in
            let others = units.indices.filter { $0 != out }.map { units[$0] }
            let reaches = reaches(others, level: level)
            let hits = units[out].count { row in
                let bin = row.rul < 40 ? 0 : row.rul < 100 ? 1 : 2
                return -reaches[2 * bin] <= row.residual && row.residual <= reaches[2 * bin + 1]
            }
            return Double(hits) / Double(units[out].count)
        }
        return shares.reduce(0, +) / Double(units.count)
    }

    static func reaches(_ units: [[CalibrationRow]]) -> [Float] {
        let level = (950...1_000).map { Double($0) / 1_000 }.first { level in
            coverage(units, level: level) >= 0.9 - 1e-9
        }
        return reaches(units, level: level ?? 1).map { Float($0) }
    }
}

@Suite("Conformal calibration")
struct ConformalCalibrationTests {
    /// Units whose errors have a part of their own and grow with the RUL.
    static func units(count: Int, rowsMax: Int, seed: UInt64) -> [[CalibrationRow]] {
        var generator = SplitMix64(seed: seed)
        return (0..<count).map { _ in
            let own = (generator.uniform() - 0.5) * 20
            return (0..<1 + Int(generator.uniform() * Double(rowsMax))).map { _ in
                let rul = Float(generator.uniform() * 125)
                let noise = (generator.uniform() - 0.5) * Double(rul) / 8
                return CalibrationRow(rul: rul, residual: own + noise)
            }
        }
    }

    @Test(
        "The interval is the one that enumeration finds",
        arguments: 1...12 as ClosedRange<UInt64>, [(1, 5), (2, 9), (6, 30), (12, 20)])
    func byEnumeration(seed: UInt64, size: (units: Int, rows: Int)) throws {
        let units = Self.units(count: size.units, rowsMax: size.rows, seed: seed)
        let interval = try ConformalCalibration.interval(units)
        #expect(interval.coverage == 0.9)
        #expect(interval.reaches == Enumeration.reaches(units))
    }

    @Test("A unit with a hundred equal rows weighs no more than a unit with one")
    func unitsWeighTheSame() throws {
        let others = Self.units(count: 9, rowsMax: 30, seed: 5)
        let row = CalibrationRow(rul: 60, residual: 33)
        let once = try ConformalCalibration.interval(others + [[row]])
        let often = try ConformalCalibration.interval(
            others + [[CalibrationRow](repeating: row, count: 100)])
        #expect(once == often)
    }

    @Test("Units that no other units cover get the extreme residuals")
    func extremes() throws {
        let units = [-30.0, 0, 20].map { [CalibrationRow(rul: 60, residual: $0)] }
        let interval = try ConformalCalibration.interval(units)
        #expect(interval.middle == ConformalInterval.Reach(below: 30, above: 20))
    }

    @Test("A bin that no calibrate unit reached promises nothing")
    func emptyBin() throws {
        let units = (0..<4).map { _ in [CalibrationRow(rul: 60, residual: 1)] }
        let interval = try ConformalCalibration.interval(units)
        #expect(interval.middle == ConformalInterval.Reach(below: 0, above: 1))
        #expect(interval.nearFailure == ConformalInterval.Reach(below: 125, above: 125))
        #expect(interval.saturated == ConformalInterval.Reach(below: 125, above: 125))
    }

    @Test("New units of the same fleet are covered as promised when few units calibrate")
    func covers() throws {
        var shares: [Double] = []
        for seed in 1...60 as ClosedRange<UInt64> {
            let units = Self.units(count: 8 + 20, rowsMax: 60, seed: seed)
            let interval = try ConformalCalibration.interval(Array(units.prefix(8)))
            for unit in units.suffix(20) {
                let hits = unit.count { row in
                    let reach = interval.reach(rul: row.rul)
                    return Double(-reach.below) <= row.residual
                        && row.residual <= Double(reach.above)
                }
                shares.append(Double(hits) / Double(unit.count))
            }
        }
        let mean = shares.reduce(0, +) / Double(shares.count)
        #expect((0.88...0.96).contains(mean), "\(mean)")
    }
}
