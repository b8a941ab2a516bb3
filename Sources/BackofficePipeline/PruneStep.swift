import Datasets
import EdgeProtocol
import ModelBundle
package import ObjectStore
import Registry
import StrictJSON

/// Removes objects that nothing needs any more, of runs, data sets and, if asked, pulled logs.
///
/// The registry forgets nothing. Kept are the objects of
/// - the promoted version, the last versions promoted before it, and the bundles that devices may
///   still run because they were offered last;
/// - every run of the newest data set, and every run with an open claim;
/// - the members of each kept ensemble, because its gates ask what their quantization changed;
/// - the newest data set, and those that an open claim trains on;
/// - every log page with an engine that is in the newest data set or has not ended yet. Those are
///   what tomorrow's data set is made of.
///
/// What this program did not write stays.
package struct PruneStep {
    /// What is to be kept beyond what must be.
    package struct Request: Sendable {
        /// Versions promoted before the promoted one that stay, to roll back to.
        package let rollbackCount: Int
        /// Days for which log pages stay in any case; nil keeps them all.
        package let logDays: Int?
        package let isDryRun: Bool

        package init(rollbackCount: Int, logDays: Int?, isDryRun: Bool) {
            self.rollbackCount = rollbackCount
            self.logDays = logDays
            self.isDryRun = isDryRun
        }
    }

    /// One object that went, or would go.
    package struct Removal: Equatable, Sendable {
        package let bucket: Bucket
        package let key: ObjectKey
        /// Bytes.
        package let size: Int

        /// Bucket and key.
        package var name: String { "\(bucket.rawValue)/\(key)" }
    }

    /// What went, or would go, and what stays.
    package struct Report: Equatable, Sendable {
        package var removals: [Removal] = []
        /// Model versions whose bundles went, or would go.
        package var versions: [Int64] = []
        /// Objects that stay.
        package var keptCount = 0
    }

    /// The least and most versions to keep for a rollback.
    package static let rollbackCountRange = 1...1_000
    /// The least and most days.
    package static let logDaysRange = 1...36_500

    private let workspace: Workspace
    private let request: Request
    private let nowMillis: Int64
    private let progress: ProgressReport

    package init(
        workspace: Workspace, request: Request, nowMillis: Int64, progress: ProgressReport
    ) {
        self.workspace = workspace
        self.request = request
        self.nowMillis = nowMillis
        self.progress = progress
    }

    /// Removes what nothing needs, or says what that would be.
    package func run() throws -> Report {
        var report = Report()
        let open = try workspace.registry.claims().filter { $0.state != .settled }.map(\.order)
        try pruneModels(keeping: try keptRuns(open), &report)
        try pruneDataSets(open, &report)
        if let days = request.logDays { try pruneLogs(days: days, &report) }
        if !request.isDryRun {
            for removal in report.removals {
                try workspace.objects.remove(bucket: removal.bucket, key: removal.key)
            }
        }
        return report
    }

    /// The runs whose objects stay.
    private func keptRuns(_ open: [TrainingOrder]) throws -> Set<String> {
        let registry = workspace.registry
        let versions = try registry.modelVersions()
        let newest = try registry.newestDataSet()?.configHash
        var kept = Set(open.map(\.runID))
        for run in try registry.runs() where run.configHash == newest || run.status == .running {
            kept.insert(run.runID)
        }
        let promoted = try registry.promotionHistory().reversed().filter {
            $0.decision == .promoted || $0.decision == .rolledBack
        }.map(\.version)
        var distinct: [Int64] = []
        for version in promoted where !distinct.contains(version) { distinct.append(version) }
        let within = Set(distinct.prefix(1 + request.rollbackCount))
        for version in versions where within.contains(version.version) {
            kept.insert(version.run.runID)
        }
        kept.formUnion(try offeredRuns())
        for version in versions where kept.contains(version.run.runID) {
            guard version.run.modelType == EnsembleRecipe.modelType else { continue }
            do {
                let bundle = try StoredBundle(version, in: workspace)
                kept.formUnion(bundle.bundle.manifest.members.map(\.runID))
            } catch let error where StoredBundle.isDamage(error) {
                progress.step("Version \(version.version) cannot be read: \(error)")
            }
        }
        return kept
    }

    /// The runs of the bundles that each fleet was offered last.
    private func offeredRuns() throws -> Set<String> {
        var runs: Set<String> = []
        for target in try workspace.registry.releaseTargets() {
            var offered: [String] = []
            for release in try workspace.registry.releases(target: target, limit: 64)
            where offered.count <= AllowedDisagreement.predecessorCountMax {
                let content = try? JSONReader(parsing: Array(release.content.utf8))
                guard let runID = try? content?.string("run_id"), !offered.contains(runID)
                else { continue }
                offered.append(runID)
            }
            runs.formUnion(offered)
        }
        return runs
    }

    private func pruneModels(keeping kept: Set<String>, _ report: inout Report) throws {
        let known = Set(try workspace.registry.runs().map(\.runID))
        var gone: Set<String> = []
        for key in try workspace.objects.list(bucket: .models) {
            let runID = String(key.description.prefix { $0 != "/" })
            // What no run of this registry left was put there by someone else.
            guard known.contains(runID), !kept.contains(runID) else {
                report.keptCount += 1
                continue
            }
            try remove(.models, key, &report)
            if key.description.hasSuffix("/bundle.safetensors") { gone.insert(runID) }
        }
        report.versions = try workspace.registry.modelVersions().filter {
            gone.contains($0.run.runID)
        }.map(\.version)
    }

    private func pruneDataSets(_ open: [TrainingOrder], _ report: inout Report) throws {
        let known = Set(try workspace.registry.dataSetHashes())
        var kept = Set(open.map(\.configHash))
        if let newest = try workspace.registry.newestDataSet() { kept.insert(newest.configHash) }
        for key in try workspace.objects.list(bucket: .processedData) {
            let configHash = String(key.description.prefix { $0 != "/" })
            if known.contains(configHash), !kept.contains(configHash) {
                try remove(.processedData, key, &report)
            } else {
                report.keptCount += 1
            }
        }
    }

    /// Pages that are old enough, whose engines have all ended and are not in the newest data set.
    private func pruneLogs(days: Int, _ report: inout Report) throws {
        let used = Set(try PreprocessStep.newest(in: workspace).trajectories.map(\.unit))
        var pages: [LogPageContent] = []
        for key in try workspace.objects.list(bucket: .inferenceLogs) {
            guard let page = StoredPage(key: key) else {
                report.keptCount += 1
                continue
            }
            do {
                pages.append(
                    LogPageContent(
                        key: key, fleet: page.fleet,
                        entries: try PulledLog.entries(of: page, in: workspace.objects)))
            } catch {
                // A damaged page stays: a copy may mend it.
                progress.step("Damaged page \(key): \(error)")
                report.keptCount += 1
            }
        }
        let ended = LogPageContent.ended(pages)
        let oldest = nowMillis - Int64(days) * 86_400_000
        for page in pages {
            let isNeeded = page.lives.contains {
                used.contains($0.unit.name) || !ended.contains($0)
            }
            if !isNeeded, page.newestMillis < oldest {
                try remove(.inferenceLogs, page.key, &report)
            } else {
                report.keptCount += 1
            }
        }
    }

    private func remove(
        _ bucket: Bucket, _ key: ObjectKey, _ report: inout Report
    ) throws {
        let size = try workspace.objects.size(bucket: bucket, key: key) ?? 0
        report.removals.append(Removal(bucket: bucket, key: key, size: size))
    }
}

/// What a log page is about, as far as its retention asks.
private struct LogPageContent {
    /// One installation of an engine.
    struct Life: Hashable {
        let unit: FieldUnit
        let installation: Int32
    }

    let key: ObjectKey
    let lives: Set<Life>
    /// Lives that the page says have ended.
    let ends: Set<Life>
    /// The newest entry's time by its device, or nothing older than an empty page.
    let newestMillis: Int64

    init(key: ObjectKey, fleet: String, entries: [LogEntry]) {
        self.key = key
        var lives: Set<Life> = []
        var ends: Set<Life> = []
        for entry in entries {
            switch entry {
            case .quarantine: continue
            case .reading(let reading):
                lives.insert(
                    Life(
                        unit: FieldUnit(fleet: fleet, unit: reading.key.unit),
                        installation: reading.key.installation))
            case .event(let event):
                let life = Life(
                    unit: FieldUnit(fleet: fleet, unit: event.unit),
                    installation: event.installation)
                lives.insert(life)
                if event.kind != .serviced { ends.insert(life) }
            }
        }
        self.lives = lives
        self.ends = ends
        newestMillis = entries.map(\.receivedAt).max() ?? .min
    }

    /// The lives that any page says have ended.
    static func ended(_ pages: [LogPageContent]) -> Set<Life> {
        pages.reduce(into: []) { $0.formUnion($1.ends) }
    }
}
