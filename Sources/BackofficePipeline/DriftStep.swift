import Datasets
import Drift
import EdgeProtocol
package import Evaluation
import ModelBundle
package import Prognostics
import Registry
import StrictJSON

/// Judges what the agents' sketches say, without asking any of them for a log.
///
/// The sketches lie retained at the broker; the reference is made anew from the data set that each
/// model was trained on, so nothing has to be kept and nothing can be out of date.
package struct DriftStep {
    /// Sketches of one model by agent, newest first.
    private typealias Windows = [(agent: String, newestFirst: [ReadingSketch])]

    private let workspace: Workspace
    private let broker: FleetBroker
    private let progress: ProgressReport

    package init(workspace: Workspace, broker: FleetBroker, progress: ProgressReport) {
        self.workspace = workspace
        self.broker = broker
        self.progress = progress
    }

    /// Reads every sketch, or those of one agent, and the field's ended lives.
    package func run(agent: UnitIdentifier? = nil) throws -> DriftReport {
        var notes: [String] = []
        let sketches = try sketches(of: agent, notes: &notes)
        var models: [DriftReport.Model] = []
        let versions = try workspace.registry.modelVersions()
        for (runID, windows) in sketches.sorted(by: { $0.key < $1.key }) {
            guard let version = versions.first(where: { $0.run.runID == runID }) else {
                notes.append(
                    "Run \(runID) is not in this workspace, so \(windows.count) agent(s) that "
                        + "serve it cannot be judged. Name the workspace that trained it.")
                continue
            }
            progress.step("Comparing the readings of version \(version.version) with training")
            let bundle = try StoredBundle(version, in: workspace)
            let reference = try reference(bundle)
            let (fitting, others) = Self.fitting(windows, reference.regimeCount)
            notes += others.map {
                "Agent \($0) sent a sketch of another number of regimes; it is left out."
            }
            models.append(
                DriftReport.Model(runID: runID, windows: fitting, reference: reference))
        }
        if sketches.isEmpty {
            notes.append("No agent has sent a sketch yet: none has scored a reading.")
        }
        return DriftReport(
            time: WallClock.text(WallClock.nowMillis()), models: models, notes: notes,
            quality: try LiveQualityStep.run(workspace, progress: progress))
    }

    /// What a bundle's readings should look like, from the data set that it was trained on.
    private func reference(_ bundle: StoredBundle) throws -> DriftReference {
        let dataSet = try PreprocessStep.dataSet(bundle.run.configHash, in: workspace)
        return DriftReference(
            trained: dataSet.trajectories(.train),
            held: dataSet.trajectories(.tune) + dataSet.trajectories(.calibrate)
                + dataSet.trajectories(.evaluate),
            plan: bundle.bundle.plan, parameters: bundle.bundle.featureParameters)
    }

    /// The agents whose every sketch has the bundle's regimes, and the names of the others.
    private static func fitting(
        _ windows: Windows, _ regimeCount: Int
    ) -> (fitting: Windows, others: [String]) {
        let fits = windows.map { $0.newestFirst.allSatisfy { $0.regimeCount == regimeCount } }
        return (
            zip(windows, fits).filter(\.1).map(\.0),
            zip(windows, fits).filter { !$0.1 }.map(\.0.agent)
        )
    }

    /// Sketches by run and agent, of the store that each agent has now.
    private func sketches(
        of agent: UnitIdentifier?, notes: inout [String]
    ) throws -> [String: Windows] {
        let topics = broker.topics
        let held = try broker.connect().retained([topics.sketchesFilter, topics.statusFilter])
        var stores: [UnitIdentifier: String] = [:]
        var messages: [UnitIdentifier: [SketchMessage]] = [:]
        for (topic, payload) in held.sorted(by: { $0.key < $1.key }) where !payload.isEmpty {
            switch topics.route(topic) {
            case .status(let name): stores[name] = StatusMessage.storeID(presentIn: payload)
            case .sketch(let name, let slot) where agent == nil || name == agent:
                do throws(JSONError) {
                    let message = try SketchMessage(payload: payload)
                    guard message.agent == name, message.slot == slot else {
                        notes.append("The sketch on \(topic) says that it is another's; left out.")
                        continue
                    }
                    messages[name, default: []].append(message)
                } catch {
                    notes.append("The sketch on \(topic) is refused: \(error)")
                }
            default: break
            }
        }
        var runs: [String: Windows] = [:]
        for (name, all) in messages.sorted(by: { $0.key < $1.key }) {
            // Windows of a store that is gone are numbered by other sequences.
            let current = stores[name].map { id in all.filter { $0.storeID == id } } ?? all
            for (runID, own) in Dictionary(grouping: current, by: \.window.runID) {
                runs[runID, default: []].append(
                    (
                        name.description,
                        own.sorted { $0.window.number > $1.window.number }.map(\.window.sketch)
                    ))
            }
        }
        return runs
    }
}

extension DriftStep {
    /// Bytes of the largest report that is read: 32 regimes of every track fit several times.
    private static let sizeMax = 16_777_216

    /// The file of the last night's report; beside the buckets, because nothing is made from it.
    private static func path(in workspace: Workspace) -> String { "\(workspace.path)/drift.json" }

    /// Keeps a report for the night's page.
    static func store(_ report: DriftReport, in workspace: Workspace) throws {
        try WholeFile.write(report.json.bytes, to: path(in: workspace))
    }

    /// The report of the last night; nil before the first, and when another program wrote it.
    static func last(in workspace: Workspace) throws -> DriftReport? {
        let path = path(in: workspace)
        guard WholeFile.exists(path) else { return nil }
        let bytes = try WholeFile.read(path, sizeMax: sizeMax)
        let limits = JSONLimits(sizeMax: sizeMax, depthMax: 8)
        do throws(JSONError) {
            return try DriftReport(JSONReader(parsing: bytes, limits: limits))
        } catch {
            // The next night writes it anew; the rest of the page does not wait for that.
            return nil
        }
    }
}
