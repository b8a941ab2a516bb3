import Datasets
import Features
import Foundation
import Inference
import TestSupport
import Testing
import Training

/// The Python that has the `prophet` package (PyPI, 336 MB): `NACELLE_PROPHET_PYTHON` names it.
private enum ProphetPython {
    static let path = ProcessInfo.processInfo.environment["NACELLE_PROPHET_PYTHON"]
    static var isPresent: Bool { path.map(FileBytes.exists) ?? false }
}

@Suite("Trends against Prophet")
struct ProphetTests {
    struct Answer {
        let level: Double
        let slope: Double
        let values: [Double]
    }

    static func ask(_ histories: [LifeHistory], prior: TrendPrior) throws -> [Answer] {
        var lines = ""
        for history in histories {
            let points = (0..<history.pointCount).map(history.point)
            let changes = (0..<TrendCurve.changeCount).map { TrendCurve.changeLags[$0] }
            lines += "{\"lag\": \(points.map(\.lag)), \"value\": \(points.map(\.value)), "
            lines += "\"change_lags\": \(changes), \"change_scale\": \(prior.changeScale)}\n"
        }
        let finished = try Subprocess.run(
            ProphetPython.path ?? "",
            [PackageRoot.file("Tests/TrainingTests/Oracles/prophet_oracle.py")],
            environment: ["OMP_NUM_THREADS": "1"], input: Array(lines.utf8), seconds: 300)
        guard finished.status == 0 else { throw TestSupportError(finished.errors) }
        return finished.output.split(separator: "\n").map { line in
            let numbers = line.split(separator: " ").compactMap { Double($0) }
            return Answer(level: numbers[0], slope: numbers[1], values: Array(numbers.dropFirst(2)))
        }
    }

    /// Prophet learns the noise of each history and has a normal prior on the first slope where we
    /// have the fleet's noise and none; so curves agree to a fraction of the noise, not to bits.
    @Test(
        "Without the fleet's slope, a device's trend is Prophet's to a fraction of the noise",
        .enabled(if: ProphetPython.isPresent, "NACELLE_PROPHET_PYTHON names no Python."))
    func agrees() throws {
        let (trained, histories) = try TrendReferenceTests.cases(nasa: CMAPSS.isPresent)
        let fleet = trained.model.prior
        let prior = try TrendPrior(
            noise: fleet.noise, slopeAtZero: 0, slopePerLevel: 0, slopeDeviation: 100,
            changeScale: fleet.changeScale)
        let chosen = Array(histories.filter { $0.health.count >= 60 }.prefix(24))
        try #require(chosen.count > 10)
        let answers = try Self.ask(chosen, prior: prior)
        try #require(answers.count == chosen.count)
        var (square, count) = (0.0, 0.0)
        for (history, answer) in zip(chosen, answers) {
            let curve = TrendFit(history, prior: prior).curve
            for index in 0..<history.pointCount {
                let rest = curve.value(lag: history.point(index).lag) - answer.values[index]
                square += rest * rest
                count += 1
            }
            #expect(abs(curve.level - answer.level) < fleet.noise)
        }
        #expect((square / count).squareRoot() < fleet.noise / 3)
    }
}
