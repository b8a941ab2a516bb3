import EdgeProtocol
import Prognostics
import Registry

/// What a fleet's broker shall hold of models: offers, and the blocks of the bundles they name.
struct ModelHoldings {
    /// What a repair did.
    struct Repair: Equatable {
        var blockCount = 0
        var publishedBlocks = 0
        var clearedBlocks = 0
        var publishedOffer = false
    }

    let bundles: [StoredBundle]
    /// The offer for everybody.
    let selected: Release
    /// A rollout's offer for some; nil without one.
    let candidate: Release?

    /// The retained messages that bring a broker from what it holds to this, in order.
    ///
    /// Blocks come before the offers that name them and are cleared after. A rollout's offer goes
    /// before everybody's comes: an agent that has read the newer one would refuse the older.
    func messages(
        held: [String: [UInt8]], topics: Topics
    ) -> [(topic: String, payload: [UInt8])] {
        var wanted = bundles.flatMap { bundle in
            BundleBlocks.split(bundle.bytes).enumerated().map { index, bytes in
                (topic: topics.block(index, of: bundle.digest), payload: bytes)
            }
        }
        if candidate == nil, held[topics.candidateModel]?.isEmpty == false {
            wanted.append((topics.candidateModel, []))
        }
        wanted.append((topics.selectedModel, selected.offer))
        if let candidate { wanted.append((topics.candidateModel, candidate.offer)) }
        let live = Set(bundles.map(\.digest))
        let stale = held.keys.filter { topic in
            guard case .block(let bundle, _)? = topics.route(topic) else { return false }
            return !live.contains(bundle)
        }
        wanted += stale.sorted().map { (topic: $0, payload: []) }
        return wanted.filter { held[$0.topic] != $0.payload }
    }

    /// Publishes what the broker lacks.
    func repair(held: [String: [UInt8]], session: FleetSession) throws -> Repair {
        let messages = messages(held: held, topics: session.topics)
        var repair = Repair()
        repair.blockCount = bundles.reduce(0) { $0 + BundleBlocks.split($1.bytes).count }
        for (topic, payload) in messages {
            switch session.topics.route(topic) {
            case .block:
                payload.isEmpty ? (repair.clearedBlocks += 1) : (repair.publishedBlocks += 1)
            default: repair.publishedOffer = true
            }
        }
        // In three parts, each with the broker before the next begins.
        let isBlock = { (topic: String) in
            if case .block = session.topics.route(topic) { true } else { false }
        }
        try session.publishRetained(messages.filter { isBlock($0.topic) && !$0.payload.isEmpty })
        for message in messages where !isBlock(message.topic) {
            try session.publishRetained([message])
        }
        try session.publishRetained(messages.filter { isBlock($0.topic) && $0.payload.isEmpty })
        return repair
    }

    /// What a target's broker shall hold while a rollout is active.
    init(of record: RolloutRecord, in workspace: Workspace, target: String) throws {
        let registry = workspace.registry
        guard let former = try registry.release(record.formerCounter, target: target) else {
            throw RolloutStepError.damaged("its release \(record.formerCounter) is missing.")
        }
        let offered =
            record.counter == 0 ? nil : try registry.release(record.counter, target: target)
        guard record.counter == 0 || offered != nil else {
            throw RolloutStepError.damaged("its release \(record.counter) is missing.")
        }
        let isForAll = offered?.decoded?.audience == .all
        selected = isForAll ? offered ?? former : former
        candidate = isForAll ? nil : offered
        let versions = [record.formerVersion, record.version].prefix(offered == nil ? 1 : 2)
        bundles = try versions.map { try StoredBundle.version($0, in: workspace) }
    }

    /// One bundle for everybody.
    init(_ bundle: StoredBundle, _ release: Release) {
        bundles = [bundle]
        selected = release
        candidate = nil
    }
}
