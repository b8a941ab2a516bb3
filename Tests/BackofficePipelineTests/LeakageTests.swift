import BackofficePipeline
import Datasets
import Features
import Inference
import ModelBundle
import Prognostics
import Registry
import TestSupport
import Testing

/// Asks whether anything that is learnt looks at units that it must not see.
///
/// The readings of all units of one role are falsified in the raw file, and the run is made anew
/// from there. Whatever differs afterwards was learnt from those units.
@Suite("Leakage between unit roles", .timeLimit(.minutes(10)))
struct LeakageTests {
    /// A part of a bundle that is learnt.
    enum Learnt: CaseIterable {
        /// Scaler, centroids, health index, greatest age.
        case features
        /// Trees with their selected features, weights, priors.
        case model
        case failureCalibration
        case alarmThreshold
        case intervals
        /// Not learnt, but recorded from units.
        case golden
    }

    /// A role whose units are falsified, and what may be learnt from it.
    struct Falsified {
        let role: UnitRole
        /// What the readings of its 21 sensors are multiplied by.
        let factor: Float
        let mayChange: Set<Learnt>
        /// What must change, or the falsified readings were never looked at.
        let mustChange: Set<Learnt>
    }

    /// Units of each role that the fleet has; the interval needs nine to have an end.
    static let units: [UnitRole: Int] = [.train: 8, .tune: 6, .calibrate: 12, .evaluate: 4]

    static let cases = [
        Falsified(role: .evaluate, factor: 1.3, mayChange: [], mustChange: []),
        Falsified(
            role: .calibrate, factor: 1.3, mayChange: [.intervals, .golden],
            mustChange: [.intervals]),
        Falsified(
            role: .tune, factor: 1.0005,
            mayChange: [.failureCalibration, .alarmThreshold, .golden],
            mustChange: [.failureCalibration]),
        Falsified(
            role: .train, factor: 1.0005, mayChange: Set(Learnt.allCases),
            mustChange: [.features, .model]),
    ]

    /// Makes a run of a simulated fleet, some of whose units read otherwise.
    static func bundle(_ type: String, falsifying falsified: Falsified?) throws -> ModelBundle {
        let folder = try TemporaryFolder("leakage")
        let fleet = try #require(FleetConfiguration(units: 150, seed: 7))
        try FleetSimulator(fleet).write(to: folder.path("data"))
        let file = "data/train_\(FleetSimulator.subset).txt"
        let text = String(decoding: try folder.read(file), as: UTF8.self)
        try folder.write(try Self.rows(text, falsified), to: file)
        let workspace = try Workspace(path: folder.path("W"), access: .create, command: "test")
        _ = try PreprocessStep.run(
            SmallNight.request(folder), workspace: workspace, progress: .silent)
        let report = try TrainStep(
            workspace: workspace, modelType: type, seed: 1, progress: .silent
        ).run()
        return try EnsembleTests.bundle(report, workspace)
    }

    /// The rows of as many units of each role as ``units`` says, some falsified.
    ///
    /// Unit and cycle, three settings and 21 sensors stand in a row.
    private static func rows(_ text: String, _ falsified: Falsified?) throws -> String {
        let roles = UnitRoles(seed: 1, scheme: .nightly)
        var chosen: [UnitRole: Set<String>] = [:]
        var rows: [String] = []
        for row in text.split(separator: "\n") {
            let columns = row.split(separator: " ").map(String.init)
            let unit = try #require(columns.first.flatMap { UnitIdentifier($0) })
            let role = roles.role(of: unit)
            if chosen[role, default: []].count < units[role, default: 0] {
                chosen[role, default: []].insert(columns[0])
            }
            guard chosen[role, default: []].contains(columns[0]) else { continue }
            let factor = role == falsified?.role ? falsified?.factor ?? 1 : 1
            let sensors = columns.dropFirst(5).map { factor == 1 ? $0 : scaled($0, by: factor) }
            rows.append((columns.prefix(5) + sensors).joined(separator: " "))
        }
        return rows.joined(separator: "\n") + "\n"
    }

    private static func scaled(_ value: String, by factor: Float) -> String {
        String((Float(value) ?? 0) * factor)
    }

    /// The parts in which two bundles differ.
    static func differing(_ one: ModelBundle, _ other: ModelBundle) -> Set<Learnt> {
        Set(
            Learnt.allCases.filter { part in
                switch part {
                case .features:
                    one.featureParameters.canonicalBytes != other.featureParameters.canonicalBytes
                case .model: one.plan.members.map(\.model) != other.plan.members.map(\.model)
                case .failureCalibration:
                    one.plan.members.map(\.calibration) != other.plan.members.map(\.calibration)
                case .alarmThreshold: one.alarmThreshold != other.alarmThreshold
                case .intervals:
                    one.plan.interval != other.plan.interval
                        || one.plan.lateStarterInterval != other.plan.lateStarterInterval
                case .golden: one.golden != other.golden
                }
            })
    }

    @Test("Units of each role teach what the role allows, and units that judge teach nothing")
    func trends() throws {
        let undisturbed = try Self.bundle("trend", falsifying: nil)
        for falsified in Self.cases {
            let other = try Self.bundle("trend", falsifying: falsified)
            let differing = Self.differing(undisturbed, other)
            #expect(
                differing.isSubset(of: falsified.mayChange),
                "\(differing.subtracting(falsified.mayChange)) follows \(falsified.role) units")
            #expect(
                differing.isSuperset(of: falsified.mustChange),
                "\(falsified.role) units change \(differing) only")
        }
    }

    @Test("Trees, and the choice of their features, know nothing of the units that judge")
    func trees() throws {
        let undisturbed = try Self.bundle("xgboost", falsifying: nil)
        let other = try Self.bundle("xgboost", falsifying: Self.cases[0])
        #expect(Self.differing(undisturbed, other) == [])
    }
}
