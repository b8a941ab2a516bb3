import EdgeProtocol
import Evaluation
import Prognostics
import Registry
import StrictJSON

/// How far a bundle may differ from what the devices of a fleet run, for its offer.
struct AllowedDisagreement {
    /// Earlier bundles that a device may still run: it may have slept through some offers.
    static let predecessorCountMax = 4

    let workspace: Workspace
    /// Topic prefix and fleet, under which releases are on record.
    let target: String

    /// The limit in cycles, measured on the evaluate units of the newest data set.
    ///
    /// - Returns: The greatest of what the last few bundles need; 125, which nothing exceeds, for
    ///   the first one. An offer of the same bundle keeps its limit, so that it keeps its bytes.
    func limit(of bundle: StoredBundle) throws -> Double {
        let releases = try workspace.registry.releases(target: target, limit: 64)
        if let last = releases.first, let offer = try? SignedOffer(bytes: last.offer).decode(),
            offer.digest == bundle.digest
        {
            return offer.disagreementMax
        }
        let predecessors = try predecessors(of: bundle, releases)
        guard !predecessors.isEmpty else { return Double(Prediction.cap) }
        let units = try NightlyRows(workspace)
        let rows = units.rows(bundle)
        return predecessors.map { Disagreement(rows, units.rows($0)).limit }.max()
            ?? Double(Prediction.cap)
    }

    /// The bundles offered before, newest first, as far as they can still be read.
    private func predecessors(
        of bundle: StoredBundle, _ releases: [Release]
    ) throws -> [StoredBundle] {
        var found: [StoredBundle] = []
        let versions = try workspace.registry.modelVersions()
        for release in releases where found.count < Self.predecessorCountMax {
            let content = try? JSONReader(parsing: Array(release.content.utf8))
            guard let runID = try? content?.string("run_id"),
                runID != bundle.runID, !found.contains(where: { $0.runID == runID }),
                let version = versions.first(where: { $0.run.runID == runID })
            else { continue }
            do {
                found.append(try StoredBundle(version, in: workspace))
            } catch let error where StoredBundle.isDamage(error) {
                continue
            }
        }
        return found
    }
}
