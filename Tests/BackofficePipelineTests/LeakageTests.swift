import BackofficePipeline
import Datasets
import ModelBundle
import ObjectStore
import Prognostics
import TestSupport
import Testing

@Suite("Leakage")
struct LeakageTests {
    let folder: TemporaryFolder

    init() throws { folder = try SmallNight.copy() }

    /// The training file with every sensor of one role's units measured a hundredth higher.
    private func changed(_ role: UnitRole) throws -> String {
        let roles = UnitRoles(seed: 1, scheme: .nightly)
        var text = ""
        for unit in try SmallNight.units(folder) {
            let factor: Float = roles.role(of: unit.unit) == role ? 1.01 : 1
            for snapshot in unit.snapshots {
                text += "\(unit.unit) \(snapshot.cycle)"
                for column in 0..<Snapshot.columnCount {
                    let isSensor = column >= Snapshot.settingCount
                    text += " \(snapshot.columns[column] * (isSensor ? factor : 1))"
                }
                text += "\n"
            }
        }
        return text
    }

    private func bundle(_ workspace: Workspace) throws -> ModelBundle {
        let run = try SmallNight.train(workspace, seed: 1)
        let key = try ObjectKey(run.bundle.key)
        return try ModelBundle(decoding: workspace.objects.get(bucket: .models, key: key))
    }

    @Test(
        "What the units of a role measured changes what this role teaches, and nothing else",
        arguments: [UnitRole.tune, .calibrate, .evaluate])
    func roles(role: UnitRole) throws {
        let before = try bundle(SmallNight.open(folder))
        try folder.write(try changed(role), to: "data/train_SIM.txt")
        let workspace = try Workspace(path: folder.path("other"), access: .create, command: "test")
        let claim = try PreprocessStep.run(
            SmallNight.request(folder), workspace: workspace, progress: .silent)
        #expect(claim.configHash != before.manifest.configHash)
        let after = try bundle(workspace)
        #expect(after.featureParameters == before.featureParameters)
        #expect(after.plan.members.map(\.model) == before.plan.members.map(\.model))
        let sameProbability =
            after.plan.members.map(\.calibration) == before.plan.members.map(\.calibration)
        #expect(sameProbability == (role != .tune))
        #expect((after.alarmThreshold == before.alarmThreshold) == (role != .tune))
        #expect((after.plan.interval == before.plan.interval) == (role != .calibrate))
        if role == .evaluate {
            #expect(after.plan.lateStarterInterval == before.plan.lateStarterInterval)
        }
    }
}
