import Datasets
import Inference
import Quantization
import Testing

/// The rule of the interval, written down a second time by plain enumeration.
private enum Enumeration {
    /// Reaches below and above a prediction, if every factor is 1.
    static func shape(_ rul: Double) -> (below: Double, above: Double) {
        rul <= 100 ? (3 + rul / 4, 3 + rul / 4) : (28 - 0.56 * (rul - 100), 28)
    }

    /// The least score of the bin that enough of the mean unit is at or below.
    static func factor(_ units: [[CalibrationRow]], from: Float, to: Float) -> Double {
        let scores = units.map { unit in
            unit.filter { from <= $0.rul && $0.rul < to }.map { row -> Double in
                let shape = shape(Double(row.rul))
                return row.residual < 0 ? -row.residual / shape.below : row.residual / shape.above
            }
        }.filter { !$0.isEmpty }
        let level = 0.9 * (1 + 0.5 / Double(scores.count))
        let enough = scores.flatMap { $0 }.filter { bound in
            let shares = scores.map { unit in
                Double(unit.count { $0 <= bound }) / Double(unit.count)
            }
            return shares.reduce(0, +) / Double(scores.count) >= level - 1e-9
        }
        return enough.min() ?? .infinity
    }

    static func reaches(_ units: [[CalibrationRow]]) -> [Float] {
        let near = factor(units, from: -1, to: 40)
        let middle = factor(units, from: 40, to: 100)
        let saturated = factor(units, from: 100, to: 126)
        let factors = [
            near, near, (near + middle) / 2, middle, (middle + saturated) / 2, saturated,
        ]
        return zip([0.0, 20, 40, 70, 100, 125], factors).flatMap { knot, factor in
            let shape = shape(knot)
            return [
                Float(min(shape.below * factor, 125)), Float(min(shape.above * factor, 125)),
            ]
        }
    }
}

@Suite("Conformal calibration")
struct ConformalCalibrationTests {
    /// Units whose scaled errors have a part of their own; `own` is its share of the variance.
    ///
    /// Both parts are sums of three uniform numbers, of variance 1 together; truths stay on the
    /// scale, as those of real units do.
    static func units(
        count: Int, rowsMax: Int, own: Double, seed: UInt64
    ) -> [[CalibrationRow]] {
        var generator = SplitMix64(seed: seed)
        func noise() -> Double {
            2 * (generator.uniform() + generator.uniform() + generator.uniform() - 1.5)
        }
        return (0..<count).map { _ in
            let common = noise() * own.squareRoot()
            return (0..<1 + Int(generator.uniform() * Double(rowsMax))).map { _ in
                let rul = Float(generator.uniform() * 125)
                let error = common + noise() * (1 - own).squareRoot()
                let residual = error * (2 + Double(rul) / 8)
                return CalibrationRow(
                    rul: rul, residual: min(max(residual, -Double(rul)), 125 - Double(rul)))
            }
        }
    }

    static func covers(_ interval: ConformalInterval, _ row: CalibrationRow) -> Bool {
        let reach = interval.reach(rul: row.rul)
        return Double(-reach.below) <= row.residual && row.residual <= Double(reach.above)
    }

    @Test(
        "The interval is the one that enumeration finds",
        arguments: 1...12 as ClosedRange<UInt64>, [(1, 5), (4, 9), (5, 30), (12, 20), (26, 9)])
    func byEnumeration(seed: UInt64, size: (units: Int, rows: Int)) throws {
        let units = Self.units(count: size.units, rowsMax: size.rows, own: 0.3, seed: seed)
        let interval = try ConformalCalibration.interval(units)
        #expect(interval.coverage == 0.9)
        for (seen, expected) in zip(interval.reaches, Enumeration.reaches(units)) {
            #expect(abs(seen - expected) <= 1e-4)
        }
    }

    /// Residuals of units with one row each at a prediction of 60, where the shape is 18 cycles.
    struct ByHand: CustomTestStringConvertible {
        let testDescription: String
        let residuals: [Double]
        /// What multiplies the shape at 70 cycles, 20.5 on either side.
        let factor: Double
    }

    @Test(
        "Few units by hand: the level is 0.9 (1 + 0.5/n)",
        arguments: [
            ByHand(testDescription: "4 units, 1.0125", residuals: [1, 2, 3, 4], factor: .infinity),
            ByHand(testDescription: "5 units, 0.99", residuals: [9, -36, 0, 18, 1], factor: 2),
            ByHand(
                testDescription: "9 units, 0.95",
                residuals: [1, 2, 3, 4, 5, 6, 7, -9, 36], factor: 2),
            ByHand(
                testDescription: "10 units, 0.945",
                residuals: [1, 2, 3, 4, 5, 6, 7, 8, -9, 36], factor: 2),
            ByHand(
                testDescription: "11 units, 0.941",
                residuals: [1, 2, 3, 4, 5, 6, 7, 8, 8, -9, 36], factor: 2),
            ByHand(
                testDescription: "20 units, 0.9225: 19 of them",
                residuals: [Double](repeating: 1, count: 18) + [-9, 36], factor: 0.5),
        ])
    func byHand(_ hand: ByHand) throws {
        let units = hand.residuals.map { [CalibrationRow(rul: 60, residual: $0)] }
        let interval = try ConformalCalibration.interval(units)
        let reach = Float(min(20.5 * hand.factor, 125))
        #expect(interval.reach(rul: 70) == ConformalInterval.Reach(below: reach, above: reach))
    }

    @Test("A unit with a hundred equal rows weighs no more than a unit with one")
    func unitsWeighTheSame() throws {
        let others = Self.units(count: 9, rowsMax: 30, own: 0.3, seed: 5)
        let row = CalibrationRow(rul: 60, residual: 33)
        let once = try ConformalCalibration.interval(others + [[row]])
        let often = try ConformalCalibration.interval(
            others + [[CalibrationRow](repeating: row, count: 100)])
        #expect(once == often)
    }

    @Test("A bin that fewer than five units reached promises nothing")
    func emptyBins() throws {
        let middle = [CalibrationRow(rul: 60, residual: 18)]
        let late = CalibrationRow(rul: 110, residual: 1)
        let units = [[CalibrationRow]](repeating: middle + [late], count: 4) + [middle]
        let interval = try ConformalCalibration.interval(units)
        #expect(interval.reach(rul: 70) == ConformalInterval.Reach(below: 20.5, above: 20.5))
        for rul in [0, 20, 40, 100, 110, 125] as [Float] {
            #expect(interval.reach(rul: rul) == ConformalInterval.Reach(below: 125, above: 125))
        }
    }

    @Test("The shape is the same on either side of the start of its fall")
    func shape() {
        for (rul, below, above) in [
            (-1, 3, 3), (0, 3, 3), (20, 8, 8), (40, 13, 13), (70, 20.5, 20.5), (100, 28, 28),
            (112.5, 21, 28), (125, 14, 28), (126, 14, 28),
        ] as [(Float, Double, Double)] {
            #expect(ConformalCalibration.shape(rul: rul) == (below, above))
        }
    }

    /// A fleet of which some units calibrate, and the mean coverage of its other units.
    struct Fleet: CustomTestStringConvertible {
        let units: Int
        let own: Double
        let bounds: ClosedRange<Double>

        var testDescription: String { "\(units) units, \(own) of the variance their own" }
    }

    @Test(
        "New units of simulated fleets are covered as promised, overall and near failure",
        arguments: [
            Fleet(units: 6, own: 0.2, bounds: 0.90...0.97),
            Fleet(units: 10, own: 0, bounds: 0.92...0.96),
            Fleet(units: 10, own: 0.25, bounds: 0.90...0.96),
            Fleet(units: 10, own: 0.45, bounds: 0.89...0.95),
            Fleet(units: 26, own: 0.25, bounds: 0.89...0.94),
        ])
    func covers(_ fleet: Fleet) throws {
        var all: [Double] = []
        var near: [Double] = []
        for seed in 1...200 as ClosedRange<UInt64> {
            let units = Self.units(
                count: fleet.units + 20, rowsMax: 120, own: fleet.own, seed: seed)
            let interval = try ConformalCalibration.interval(Array(units.prefix(fleet.units)))
            for unit in units.suffix(20) {
                let hits = unit.map { Self.covers(interval, $0) }
                all.append(Double(hits.count { $0 }) / Double(hits.count))
                let low = unit.filter { Double($0.rul) + $0.residual <= 30 }
                guard !low.isEmpty else { continue }
                near.append(
                    Double(low.count { Self.covers(interval, $0) }) / Double(low.count))
            }
        }
        for shares in [all, near] {
            let mean = shares.reduce(0, +) / Double(shares.count)
            #expect(fleet.bounds.contains(mean), "\(mean)")
        }
    }
}
