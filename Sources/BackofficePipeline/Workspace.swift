import Datasets
package import ObjectStore
package import Registry

/// A back office's folder: `registry.sqlite`, the buckets in `objects` unless a server has them,
/// `keys` and `lock`.
package final class Workspace {
    package let path: String
    package let registry: Registry
    package let objects: any ObjectStore
    /// Where the objects are.
    package let store: ObjectStoreChoice
    /// Held until the workspace is no longer used; nil for a look and a share, which take none.
    private let lock: WorkspaceLock?

    /// Opens a workspace; `command` is what another process is told while this one holds it.
    ///
    /// Who changes a workspace is alone in it, and marks runs whose process is gone as FAILED.
    /// Who shares it makes runs that it has leased, and nothing else.
    /// A workspace that exists is only opened with the object store it was made with.
    package init(
        path: String, access: Registry.Access, command: String, store: ObjectStoreChoice = .folder
    ) throws {
        let registryPath = "\(path)/registry.sqlite"
        if access == .create {
            try WholeFile.createFolder(path)
        } else {
            guard WholeFile.exists(registryPath) else {
                throw BackofficeError.noWorkspace(path: path)
            }
        }
        let isAlone = access != .look && access != .share
        lock = isAlone ? try WorkspaceLock(workspace: path, command: command) : nil
        self.path = path
        self.store = store
        let binding = StoreBinding(store, workspace: path)
        objects = binding.objects
        if WholeFile.exists(registryPath) {
            try binding.check()
            if isAlone { try binding.prepare() }
        } else {
            // Before the registry, so that a store that cannot be used leaves none behind.
            try binding.make()
        }
        registry = try Registry(path: registryPath, access: access)
        guard isAlone else { return }
        _ = try registry.failAbandonedRuns(endTimeMillis: WallClock.nowMillis())
        // What trainers elsewhere are writing at this moment is not for us to remove.
        if try !registry.claims().contains(where: { $0.lease != nil }) {
            try objects.removePartials()
        }
    }

    /// All runs, oldest first; one whose process is gone is FAILED, marked as such or not yet.
    package func runs() throws -> [Run] {
        let before = try registry.runs()
        let claims = try registry.claims()
        let isLocked = try lock != nil || WorkspaceLock.isHeld(workspace: path)
        // Who held neither in between and goes on from before to after has ended.
        let after = try registry.runs()
        return after.map { run in
            guard run.status == .running, before.contains(run) else { return run }
            let lease = claims.first { $0.order.runID == run.runID }?.lease
            let isMade = lease.map { $0.lastsWithLock ? isLocked : $0.isLive } ?? isLocked
            return isMade ? run : run.abandoned
        }
    }

    /// The secret half of the key that signs offers.
    package var signingKeyPath: String { "\(path)/keys/model.key" }
}
