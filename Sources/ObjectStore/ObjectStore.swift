import Glibc

/// Buckets of objects in a folder: `{root}/{bucket}/{key}`.
///
/// An object appears whole or not at all: its bytes go to a file in `{root}/.partial`, which is
/// synced, renamed, and made durable by syncing the folder (rename(2), fsync(2)). One process
/// writes at a time; the workspace's lock sees to that.
package struct ObjectStore: Sendable {
    /// What `put` did.
    package enum PutOutcome: Equatable, Sendable {
        case stored
        /// The same bytes were already there.
        case unchanged
    }

    /// The folder that holds the buckets.
    package let root: String

    /// Names a store; nothing is touched yet, and what is missing reads as empty.
    package init(root: String) { self.root = root }

    /// Creates the store's folders, which `put` needs.
    package func createFolders() throws(ObjectStoreError) {
        for bucket in Bucket.allCases {
            try Folder.create("\(root)/\(bucket.rawValue)")
        }
        try Folder.create(partialFolder)
    }

    private var partialFolder: String { "\(root)/.partial" }

    /// The file that holds an object.
    package func path(bucket: Bucket, key: ObjectKey) -> String {
        "\(root)/\(bucket.rawValue)/\(key)"
    }

    /// Stores an object durably; storing the same bytes again changes nothing.
    ///
    /// Other bytes under this key are refused, or replaced if the caller asks for it.
    @discardableResult
    package func put(
        _ bytes: [UInt8], bucket: Bucket, key: ObjectKey, replace: Bool = false
    ) throws(ObjectStoreError) -> PutOutcome {
        let path = path(bucket: bucket, key: key)
        let folder = Folder.parent(of: path)
        if try exists(bucket: bucket, key: key) {
            if try get(bucket: bucket, key: key) == bytes {
                // Who put them there may have been killed before the name was durable.
                try Folder.sync(folder)
                return .unchanged
            }
            guard replace else { throw .conflict(bucket: bucket, key: key.description) }
        }
        try Folder.create(folder)
        let partial = "\(partialFolder)/\(getpid())"
        var code = File.write(bytes, to: partial)
        if code == 0, rename(partial, path) != 0 { code = errno }
        guard code == 0 else {
            unlink(partial)
            throw .system(operation: "write", path: path, code: code)
        }
        try Folder.sync(folder)
        return .stored
    }

    /// Reads a whole object; one of more than `sizeMax` bytes is refused unread.
    package func get(
        bucket: Bucket, key: ObjectKey, sizeMax: Int = 1 << 30
    ) throws(ObjectStoreError) -> [UInt8] {
        switch try File.read(path(bucket: bucket, key: key), sizeMax: sizeMax) {
        case .missing: throw .missing(bucket: bucket, key: key.description)
        case .tooLarge(let size):
            throw .tooLarge(bucket: bucket, key: key.description, size: size, limit: sizeMax)
        case .bytes(let bytes): return bytes
        }
    }

    /// Whether an object has this key.
    package func exists(bucket: Bucket, key: ObjectKey) throws(ObjectStoreError) -> Bool {
        try File.kind(path(bucket: bucket, key: key)) == .file
    }

    /// The keys of a bucket that begin with the levels of `prefix`, in order.
    ///
    /// A file whose name is no key was put there by someone else; `stray` is told its path.
    package func list(
        bucket: Bucket, prefix: ObjectKey? = nil, stray: (String) -> Void = { _ in }
    ) throws(ObjectStoreError) -> [ObjectKey] {
        var keys: [ObjectKey] = []
        var pending = [prefix?.description ?? ""]
        while let level = pending.popLast() {
            let base = "\(root)/\(bucket.rawValue)" + (level.isEmpty ? "" : "/\(level)")
            for name in try Folder.entries(of: base) {
                let key = level.isEmpty ? name : "\(level)/\(name)"
                switch try File.kind("\(base)/\(name)") {
                case .folder: pending.append(key)
                case .file:
                    if let key = try? ObjectKey(key) {
                        keys.append(key)
                    } else {
                        stray("\(base)/\(name)")
                    }
                case .missing: continue
                }
            }
        }
        return keys.sorted()
    }

    /// Removes what a killed process left half-written; the caller holds the workspace's lock.
    package func removePartials() throws(ObjectStoreError) {
        for name in try Folder.entries(of: partialFolder) {
            unlink("\(partialFolder)/\(name)")
        }
    }
}
