import Glibc
package import ObjectStore
package import Registry

/// A back office's folder: `registry.sqlite`, the buckets in `objects`, `keys` and `lock`.
package final class Workspace {
    /// Who may use the workspace meanwhile, and whether it must be there already.
    package enum Access: Equatable, Sendable {
        /// Looks only; a run in progress is not disturbed.
        case look
        /// Changes an existing workspace, alone.
        case change
        /// Changes a workspace, alone, and creates it when it is missing.
        case create
    }

    package let path: String
    package let registry: Registry
    package let objects: ObjectStore
    /// Held until the workspace is no longer used.
    private let lock: WorkspaceLock?

    /// Opens a workspace; `command` is what another process is told while this one holds it.
    ///
    /// The first one to find runs whose process is gone marks them FAILED.
    package init(path: String, access: Access, command: String) throws {
        let registryPath = "\(path)/registry.sqlite"
        if access == .create {
            try HostFile.createFolder(path)
        } else {
            guard HostFile.exists(registryPath) else {
                throw BackofficeError.noWorkspace(path: path)
            }
        }
        let taken: WorkspaceLock?
        do throws(BackofficeError) {
            taken = try WorkspaceLock(workspace: path, command: command)
        } catch {
            guard access == .look else { throw error }
            taken = nil
        }
        self.path = path
        registry = try Registry(path: registryPath)
        objects = try ObjectStore(root: "\(path)/objects")
        if taken != nil {
            _ = try registry.failAbandonedRuns(endTimeMillis: WallClock.nowMillis())
            try objects.removePartials()
        }
        lock = access == .look ? nil : taken
    }

    /// The secret half of the key that signs offers.
    package var signingKeyPath: String { "\(path)/keys/model.key" }
    /// The public half, which devices get.
    package var verificationKeyPath: String { "\(path)/keys/model.pub" }
}
