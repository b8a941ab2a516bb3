import Datasets
import EdgeProtocol
package import Evaluation
import Features
import ModelBundle
import Prognostics
import Registry

/// Compares what devices predicted with what became of the engines, as pulled logs tell both.
package enum LiveQualityStep {
    /// The figures of every model that predicted for an engine whose failure is known by now.
    package static func run(
        _ workspace: Workspace, progress: ProgressReport
    ) throws -> [LiveQuality] {
        var left = ValidationReport()
        let readings = try FieldReadings(
            workspace: workspace, nowMillis: WallClock.nowMillis(), report: &left,
            progress: progress)
        let lives = FieldLives(readings, base: [], report: &left).trajectories
        guard !lives.isEmpty else { return [] }
        let byUnit = Dictionary(grouping: lives, by: \.unit)
        var said: [String: [Said: ReadingEntry]] = [:]
        _ = try PulledLog.entries(in: workspace.objects, progress: progress) { _, _ in
        } _: { source, entries in
            for case .reading(let entry) in entries {
                guard let scoring = entry.scoring else { continue }
                let name = FieldUnit(fleet: source.fleet, unit: entry.key.unit).name
                guard
                    let life = byUnit[name]?.first(where: { $0.holds(entry.snapshot) })
                else { continue }
                let key = Said(
                    unit: name, installation: life.installation, cycle: entry.key.cycle,
                    truth: life.lastCycle.cycles + life.unseenCycles - entry.key.cycle.cycles)
                said[scoring.runID, default: [:]][key] = entry
            }
        }
        return try said.sorted { $0.key < $1.key }.compactMap { runID, rows in
            try quality(runID, rows, in: workspace)
        }
    }

    /// A reading whose truth is known.
    private struct Said: Hashable {
        let unit: UnitIdentifier
        let installation: Int32
        let cycle: CycleCount
        /// Cycles that the engine flew after it.
        let truth: Int32
    }

    private static func quality(
        _ runID: String, _ said: [Said: ReadingEntry], in workspace: Workspace
    ) throws -> LiveQuality? {
        guard
            let version = try workspace.registry.modelVersions().first(where: {
                $0.run.runID == runID
            })
        else { return nil }
        let bundle = try StoredBundle(version, in: workspace)
        let parameters = bundle.bundle.featureParameters
        let field = said.sorted {
            ($0.key.unit, $0.key.installation, $0.key.cycle)
                < ($1.key.unit, $1.key.installation, $1.key.cycle)
        }.compactMap { key, entry -> ScoredRow? in
            // The promise is about rows from the 15th on, as training is.
            guard let scoring = entry.scoring, !scoring.prediction.flags.contains(.early) else {
                return nil
            }
            return ScoredRow(
                unit: key.unit, cycle: key.cycle, regime: parameters.regime(of: entry.snapshot),
                prediction: scoring.prediction, truth: Double(key.truth))
        }
        let evaluate = try PreprocessStep.dataSet(version.run.configHash, in: workspace)
            .trajectories(.evaluate)
        return LiveQuality(
            runID: runID, field: field, promised: bundle.scoring.nightly(evaluate))
    }
}

extension Trajectory {
    /// Whether the life has this very snapshot.
    fileprivate func holds(_ snapshot: Snapshot) -> Bool {
        var (low, high) = (0, snapshots.count)
        while low < high {
            let middle = (low + high) / 2
            if snapshots[middle].cycle < snapshot.cycle { low = middle + 1 } else { high = middle }
        }
        return low < snapshots.count && snapshots[low] == snapshot
    }
}
