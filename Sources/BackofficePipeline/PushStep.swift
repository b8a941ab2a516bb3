import EdgeProtocol
import Fleet
import Mosquitto
package import Prognostics
import Registry

/// Makes the broker hold the promoted model: the signed offer and its blocks, retained.
///
/// A push is a repair. It reads what the broker holds, publishes what is missing or different,
/// blocks before the offer that names them, and clears blocks of other bundles after it. What the
/// broker holds already is not published again, and an unchanged offer keeps its bytes. While a
/// rollout is active, its offers and both bundles are what the broker shall hold; after one that
/// was aborted, the former model is, until another is promoted or rolled out.
package struct PushStep {
    /// What one push did.
    package struct Report: Equatable, Sendable {
        package let version: Int64
        package let runID: String
        package let digest: Digest
        package let counter: Int64
        package let blockCount: Int
        package let publishedBlocks: Int
        package let clearedBlocks: Int
        package let publishedOffer: Bool
        /// Why this is not the promoted version, or not all; a sentence.
        package var note: String?
    }

    private let workspace: Workspace
    private let broker: FleetBroker
    private let nowMillis: Int64

    package init(workspace: Workspace, broker: FleetBroker, nowMillis: Int64) {
        self.workspace = workspace
        self.broker = broker
        self.nowMillis = nowMillis
    }

    /// Pushes the promoted model, or repairs what an active rollout published.
    package func run() throws -> Report {
        let target = broker.topics.root
        let rollout = try workspace.registry.newestRollout(target: target)
        if let rollout, rollout.isActive {
            let session = try broker.connect()
            return try repair(rollout, held: session.models(), session: session)
        }
        let (bundle, note) = try pushed(after: rollout)
        return try push(bundle, note: note)
    }

    /// Offers a bundle to the whole fleet.
    func push(_ bundle: StoredBundle, note: String?) throws -> Report {
        let target = broker.topics.root
        // The key is read before the broker is asked for anything.
        _ = try KeysStep.signingKey(at: workspace.signingKeyPath)
        let session = try broker.connect()
        let held = try session.models()
        let book = try OfferBook(
            workspace: workspace, topics: broker.topics, held: held, nowMillis: nowMillis)
        let limit = try AllowedDisagreement(workspace: workspace, target: target).limit(of: bundle)
        let (release, isNew) = try book.release(
            of: bundle, audience: .all, disagreementMax: limit)
        // On record before it is published: a counter that was ever on the air is never reused.
        if isNew {
            try workspace.registry.append(release, target: target, timeMillis: nowMillis)
        }
        let repair = try ModelHoldings(bundle, release).repair(held: held, session: session)
        return Report(bundle, release, repair, note: note)
    }

    /// The promoted bundle; the former one if the promoted one's rollout was aborted.
    private func pushed(
        after rollout: RolloutRecord?
    ) throws -> (bundle: StoredBundle, note: String?) {
        guard let promoted = try workspace.registry.promotedVersion() else {
            throw BackofficeError.noPromotedModel
        }
        if let rollout, try rollout.machine().phase == .aborted, rollout.version == promoted {
            return (
                try StoredBundle.version(rollout.formerVersion, in: workspace),
                "The rollout of version \(promoted) was aborted: version \(rollout.formerVersion) "
                    + "stays until another one is promoted, or 'backoffice rollout start'."
            )
        }
        return (try StoredBundle.version(promoted, in: workspace), nil)
    }

    /// Publishes what an active rollout has on record and the broker lacks.
    func repair(
        _ rollout: RolloutRecord, held: [String: [UInt8]], session: FleetSession
    ) throws -> Report {
        let holdings = try ModelHoldings(of: rollout, in: workspace, target: broker.topics.root)
        let repair = try holdings.repair(held: held, session: session)
        let phase = try rollout.machine().phase.name
        return Report(
            holdings.bundles[0], holdings.selected, repair,
            note: "The rollout of version \(rollout.version) is \(phase): what it published was "
                + "repaired, nobody else gets it by a push.")
    }
}

extension PushStep.Report {
    fileprivate init(
        _ bundle: StoredBundle, _ release: Release, _ repair: ModelHoldings.Repair, note: String?
    ) {
        self.init(
            version: bundle.version, runID: bundle.runID, digest: bundle.digest,
            counter: release.counter, blockCount: repair.blockCount,
            publishedBlocks: repair.publishedBlocks, clearedBlocks: repair.clearedBlocks,
            publishedOffer: repair.publishedOffer, note: note)
    }
}

extension FleetSession {
    /// What the broker holds of offers and blocks.
    func models() throws -> [String: [UInt8]] {
        try retained(topics.offers + [topics.blocksFilter])
    }

    /// What the agents have said of themselves.
    func agents() throws -> [String: [UInt8]] {
        try retained([topics.statusFilter, topics.healthFilter, topics.modelFilter])
    }
}
