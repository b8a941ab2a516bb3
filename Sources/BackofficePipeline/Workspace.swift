import Datasets
package import ObjectStore
package import Registry

/// A back office's folder: `registry.sqlite`, the buckets in `objects`, `keys` and `lock`.
package final class Workspace {
    package let path: String
    package let registry: Registry
    package let objects: ObjectStore
    /// Held until the workspace is no longer used; nil for a look, which takes none.
    private let lock: WorkspaceLock?

    /// Opens a workspace; `command` is what another process is told while this one holds it.
    ///
    /// Who changes a workspace is alone in it, and marks runs whose process is gone as FAILED.
    package init(path: String, access: Registry.Access, command: String) throws {
        let registryPath = "\(path)/registry.sqlite"
        if access == .create {
            try WholeFile.createFolder(path)
        } else {
            guard WholeFile.exists(registryPath) else {
                throw BackofficeError.noWorkspace(path: path)
            }
        }
        lock = access == .look ? nil : try WorkspaceLock(workspace: path, command: command)
        self.path = path
        registry = try Registry(path: registryPath, access: access)
        objects = ObjectStore(root: "\(path)/objects")
        guard access != .look else { return }
        try objects.createFolders()
        _ = try registry.failAbandonedRuns(endTimeMillis: WallClock.nowMillis())
        try objects.removePartials()
    }

    /// All runs, oldest first; one whose process is gone is FAILED, marked as such or not yet.
    package func runs() throws -> [Run] {
        let before = try registry.runs()
        guard lock == nil, try !WorkspaceLock.isHeld(workspace: path) else { return before }
        // Nobody held the lock in between, so a run that goes on from before to after has ended.
        return try registry.runs().map { run in
            run.status == .running && before.contains(run) ? run.abandoned : run
        }
    }

    /// The secret half of the key that signs offers.
    package var signingKeyPath: String { "\(path)/keys/model.key" }
}
