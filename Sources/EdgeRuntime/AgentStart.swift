package import EdgeCore
import EdgeProtocol
package import Logging

/// What a starting agent does about models before it serves anything.
package enum AgentStart {
    /// Rows of the two newest stretches of the log.
    private static let sketchedCountMax = 2 * Int(ProtocolLimits.sketchReadingCountMax)

    /// Reads what the store holds and finds a bundle that may serve.
    ///
    /// The active bundle is verified again, blocks and golden trajectories. If it is damaged the
    /// fallback takes its place until the active one has been fetched again; if it ended the
    /// process too often while it was new, the fallback takes its place for good.
    package static func restore(
        _ store: EdgeStore, _ logger: Logger
    ) throws(EdgeRuntimeError) -> EdgeCore.Restored {
        var restored = try store.restore()
        for change in restored.shelf.changesAtStart {
            if case .rollBack(_, _, let reason) = change {
                logger.error("model rolled back", metadata: ["reason": "\(reason)"])
            } else if case .refuse(_, _, let reason) = change {
                logger.error("bundle refused", metadata: ["reason": "\(reason)"])
            }
            try store.models.apply(change)
        }
        restored.shelf = try store.models.shelf()
        do throws(EdgeRuntimeError) {
            try store.models.repairCounter()
        } catch {
            logger.warning("release counter not kept twice", metadata: ["reason": "\(error)"])
        }
        while let active = restored.shelf.active {
            switch BundleCandidate.reload(try store.models.bundle(active), digest: active) {
            case .passed(let model):
                restored.model = model
                restored.sketched = try store.log.scored(
                    after: restored.sketchedFrom - 1, limit: sketchedCountMax
                ).entries
                return restored
            case .failed(let reason), .damaged(let reason):
                logger.error(
                    "active bundle is damaged, fetching it again",
                    metadata: ["reason": "\(reason)", "bundle": "\(active)"])
            }
            try store.models.apply(.discard(bundle: active))
            restored.shelf = try store.models.shelf()
        }
        return restored
    }
}
