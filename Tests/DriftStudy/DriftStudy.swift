package import Datasets
package import Drift
package import Evaluation
import Features
import Inference
import ModelBundle
import Prognostics
import Quantization
import Training

/// A fleet that is watched night after night by the code of device and back office.
///
/// A bundle is trained on simulated engines; others fly, are scored by it, and leave sketches; each
/// night they are judged against the training data. All of it is seeded.
package struct DriftStudy: Sendable {
    /// What the fleet is.
    package struct Fleet: Sendable {
        package let regimes: FleetConfiguration.Regimes
        package let engineCount: Int
        /// Cycles that every engine flies in a night.
        package let cyclesPerNight: Int
        package let seed: UInt64

        package init(
            regimes: FleetConfiguration.Regimes, engineCount: Int, cyclesPerNight: Int = 10,
            seed: UInt64
        ) {
            self.regimes = regimes
            self.engineCount = engineCount
            self.cyclesPerNight = cyclesPerNight
            self.seed = seed
        }
    }

    /// What a number of nights brought.
    package struct Outcome: Sendable {
        package let nightCount: Int
        /// Nights in which something was drifting.
        package var alarmedNights = 0
        /// Nights in which something was drifting that had not been the night before.
        package var newAlarms = 0
        /// Cycles that each engine flew until the first alarm; nil without one.
        package var cyclesUntilFound: Int?
        /// What was drifting in the first alarmed night.
        package var found: [DriftFinding] = []
        /// How often each track was drifting, by name.
        package var tracks: [String: Int] = [:]
    }

    /// Engines that the model is trained on, and that it has not seen.
    private static let trainedCount = 70
    private static let heldCount = 30

    private let fleet: Fleet
    let parameters: FeatureParameters
    private let plan: InferencePlan
    private let reference: DriftReference
    private let deviations: [Double]
    let pool: [Trajectory]
    private let sudden: [Trajectory]
    private let elsewhere: [Trajectory]

    /// Trains the model with so many rounds of boosting and lays the reference.
    ///
    /// Engines are drawn from `lifeCount` different lives.
    package init(_ fleet: Fleet, lifeCount: Int, roundCount: Int = 100) throws {
        self.fleet = fleet
        let training = try Self.lives(
            Self.trainedCount + Self.heldCount, fleet.regimes, seed: fleet.seed)
        let trained = Array(training.prefix(Self.trainedCount))
        let held = Array(training.suffix(Self.heldCount))
        var settings = XGBoostParameters.shipped
        settings.roundCount = roundCount
        let model = try XGBoostTrainer.train(trained, parameters: settings, seed: 1)
        guard let digest = Digest(bytes: [UInt8](repeating: 7, count: Digest.size)) else {
            preconditionFailure("a digest has 32 bytes")
        }
        let built = try BundleBuilder.build(
            model, tune: Array(held.prefix(10)), calibrate: Array(held.suffix(20)),
            manifest: try Manifest(
                runID: "study", modelType: "xgboost", configHash: digest,
                featureParametersDigest: digest))
        parameters = built.bundle.featureParameters
        plan = built.bundle.plan
        reference = DriftReference(
            trained: trained, held: held, plan: plan, parameters: parameters)
        deviations = Self.deviations(trained)
        pool = try Self.lives(lifeCount, fleet.regimes, seed: fleet.seed &+ 1)
        sudden = try Self.lives(fleet.engineCount, fleet.regimes, .sudden, seed: fleet.seed &+ 2)
        elsewhere = try Self.lives(fleet.engineCount, .six, seed: fleet.seed &+ 3).map { life in
            Trajectory(
                unit: life.unit,
                snapshots: life.snapshots.filter { $0.setting(1) > 1 }.enumerated()
                    .map { index, snapshot in
                        Snapshot(cycle: life.snapshots[index].cycle, columns: snapshot.columns)
                    }, endsInFailure: true)
        }
    }

    /// Watches the fleet for `nightCount` nights after a week without disturbance.
    package func watch(
        _ disturbance: Disturbance, nightCount: Int, untilFound: Bool,
        progress: (Int) -> Void = { _ in }
    ) -> Outcome {
        var outcome = Outcome(nightCount: nightCount)
        var other = sudden
        if case .newRegime = disturbance.kind { other = elsewhere }
        var fliers = StudyFleet(
            count: fleet.engineCount, pool: pool, other: other, deviations: deviations,
            seed: fleet.seed)
        var device = StudyDevice(plan: plan, parameters: parameters)
        for _ in 0..<7 * fleet.cyclesPerNight { device.take(fliers.fly(.none)) }
        var before: Set<String> = []
        for night in 0..<nightCount {
            for _ in 0..<fleet.cyclesPerNight { device.take(fliers.fly(disturbance.kind)) }
            let found = DriftFinding.judge(
                device.newestFirst, runID: StudyDevice.runID, reference: reference
            ).filter { $0.verdict == .drifting }
            let names = Set(found.map { "\($0.track)/\($0.regimeName)" })
            if !found.isEmpty { outcome.alarmedNights += 1 }
            if !names.isSubset(of: before) { outcome.newAlarms += 1 }
            before = names
            for finding in found { outcome.tracks[finding.track, default: 0] += 1 }
            if outcome.cyclesUntilFound == nil,
                found.contains(where: { finding in
                    disturbance.expected.isEmpty
                        || disturbance.expected.contains { finding.track.hasPrefix($0) }
                })
            {
                outcome.cyclesUntilFound = (night + 1) * fleet.cyclesPerNight
                outcome.found = found
                if untilFound { return outcome }
            }
            progress(night + 1)
        }
        return outcome
    }

    /// The sketches of undisturbed nights, the newest first.
    package func windows(nightCount: Int) -> [ReadingSketch] {
        var fliers = StudyFleet(
            count: fleet.engineCount, pool: pool, other: sudden, deviations: deviations,
            seed: fleet.seed)
        var device = StudyDevice(plan: plan, parameters: parameters)
        for _ in 0..<nightCount * fleet.cyclesPerNight { device.take(fliers.fly(.none)) }
        return device.newestFirst
    }

    /// What the back office says about agents' sketches.
    package func judge(
        _ windows: [(agent: String, newestFirst: [ReadingSketch])]
    ) -> DriftReport.Model {
        DriftReport.Model(runID: StudyDevice.runID, windows: windows, reference: reference)
    }

    private static func lives(
        _ count: Int, _ regimes: FleetConfiguration.Regimes,
        _ wearLaw: FleetConfiguration.WearLaw = .gradual, seed: UInt64
    ) throws -> [Trajectory] {
        guard
            let configuration = FleetConfiguration(
                units: count, seed: seed, regimes: regimes, wearLaw: wearLaw)
        else { throw DriftStudyError.badCount(count) }
        return FleetSimulator(configuration).training()
    }

    /// The standard deviation of sensors 1 to 21 at sea level, over whole lives.
    private static func deviations(_ trajectories: [Trajectory]) -> [Double] {
        let snapshots = trajectories.flatMap(\.snapshots).filter { $0.setting(1) < 1 }
        return (1...Snapshot.sensorCount).map { sensor in
            let values = snapshots.map { Double($0.sensor(sensor)) }
            let mean = values.reduce(0, +) / Double(values.count)
            let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
            return (squares / Double(values.count)).squareRoot()
        }
    }
}

/// A study that cannot be made.
package enum DriftStudyError: Error, CustomStringConvertible {
    case badCount(Int)

    package var description: String {
        switch self {
        case .badCount(let count):
            "There are \(count) lives, expected 1 to \(FleetConfiguration.unitsMax)."
        }
    }
}

/// What an agent does with readings, as far as sketches are concerned.
private struct StudyDevice {
    static let runID = "study"

    private struct Memory {
        var features = FeatureState()
        var repeats = SensorRepeats()
        var lastUse = 0
    }

    private let plan: InferencePlan
    private let parameters: FeatureParameters
    private var units: [UnitIdentifier: Memory] = [:]
    private var windows = SketchWindows()
    private var sequence: Int64 = 0
    private var turn = 0

    init(plan: InferencePlan, parameters: FeatureParameters) {
        self.plan = plan
        self.parameters = parameters
    }

    var newestFirst: [ReadingSketch] { windows.windows.reversed().map(\.sketch) }

    mutating func take(_ readings: [(unit: UnitIdentifier, Snapshot)]) {
        turn += 1
        for (unit, snapshot) in readings {
            var memory = units.removeValue(forKey: unit) ?? Memory()
            memory.features.append(snapshot, using: parameters)
            memory.repeats.note(snapshot)
            memory.lastUse = turn
            sequence += 1
            windows.add(
                snapshot, of: unit, sequence: sequence, repeats: memory.repeats,
                prediction: plan.run(plan.input(from: memory.features, parameters: parameters)),
                runID: Self.runID, parameters: parameters)
            units[unit] = memory
        }
        // Engines that failed never come back.
        if turn % 50 == 0 { units = units.filter { $0.value.lastUse > turn - 2 } }
    }
}
