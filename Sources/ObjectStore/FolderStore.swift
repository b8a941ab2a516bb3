import Glibc

/// Buckets of objects in a folder: `{root}/{bucket}/{key}`.
///
/// An object appears whole or not at all: its bytes go to a file in `{root}/.partial`, which is
/// synced, renamed, and made durable by syncing the folder (rename(2), fsync(2)). Several
/// processes may write at a time, on several hosts: no two write the same partial file.
package struct FolderStore: ObjectStore {
    /// The folder that holds the buckets.
    package let root: String

    /// Names a store; nothing is touched yet, and what is missing reads as empty.
    package init(root: String) { self.root = root }

    /// How often a name is given again when its folder was removed meanwhile.
    private static let attemptsMax = 32

    /// Creates the store's folders, which `put` needs.
    package func prepare() throws(ObjectStoreError) {
        for bucket in Bucket.allCases {
            try Folder.create("\(root)/\(bucket.rawValue)")
        }
        try Folder.create(partialFolder)
    }

    private var partialFolder: String { "\(root)/.partial" }

    /// The file that holds an object.
    package func place(bucket: Bucket, key: ObjectKey) -> String {
        "\(root)/\(bucket.rawValue)/\(key)"
    }

    @discardableResult
    package func put(
        _ bytes: [UInt8], bucket: Bucket, key: ObjectKey, replace: Bool
    ) throws(ObjectStoreError) -> PutOutcome {
        let path = place(bucket: bucket, key: key)
        if try exists(bucket: bucket, key: key) {
            if try get(bucket: bucket, key: key) == bytes {
                // Who put them there may have been killed before the name was durable.
                try Folder.sync(Folder.parent(of: path))
                return .unchanged
            }
            guard replace else { throw .conflict(bucket: bucket, key: key.description) }
        }
        let partial = "\(partialFolder)/\(Self.partialName())"
        var code = File.write(bytes, to: partial)
        if code == 0 { code = try name(partial, path) }
        guard code == 0 else {
            unlink(partial)
            throw .system(operation: "write", path: path, code: code)
        }
        try Folder.sync(Folder.parent(of: path))
        return .stored
    }

    /// Gives a partial file its name; 0 or the error's number.
    ///
    /// Between the creation of a folder and the rename into it, `remove` elsewhere may take it for
    /// empty and remove it.
    private func name(_ partial: String, _ path: String) throws(ObjectStoreError) -> Int32 {
        for _ in 0..<Self.attemptsMax {
            do throws(ObjectStoreError) {
                try Folder.create(Folder.parent(of: path))
            } catch .system(_, _, ENOENT) {
                continue
            }
            if rename(partial, path) == 0 { return 0 }
            guard errno == ENOENT else { return errno }
        }
        return ENOENT
    }

    /// A name that no other process writes, here or on another host of a shared folder.
    private static func partialName() -> String {
        "\(getpid())-" + String(UInt64.random(in: .min ... .max), radix: 16)
    }

    package func get(
        bucket: Bucket, key: ObjectKey, sizeMax: Int
    ) throws(ObjectStoreError) -> [UInt8] {
        switch try File.read(place(bucket: bucket, key: key), sizeMax: sizeMax) {
        case .missing: throw .missing(bucket: bucket, key: key.description)
        case .tooLarge(let size):
            throw .tooLarge(bucket: bucket, key: key.description, size: size, limit: sizeMax)
        case .bytes(let bytes): return bytes
        }
    }

    package func size(bucket: Bucket, key: ObjectKey) throws(ObjectStoreError) -> Int? {
        switch try File.kind(place(bucket: bucket, key: key)) {
        case .file(let size): size
        case .missing, .folder: nil
        }
    }

    package func remove(bucket: Bucket, key: ObjectKey) throws(ObjectStoreError) {
        let path = place(bucket: bucket, key: key)
        guard unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR else {
            throw .system(operation: "remove", path: path, code: errno)
        }
        // Levels above it that are empty now go, too; the bucket's folder stays.
        var folder = Folder.parent(of: path)
        for _ in 1..<max(1, key.levelCount) {
            guard rmdir(folder) == 0 || errno == ENOENT else { break }
            folder = Folder.parent(of: folder)
        }
        do throws(ObjectStoreError) {
            try Folder.sync(folder)
        } catch .system(_, _, ENOENT) {
            // Who removed the folder has synced the one above.
        }
    }

    package func list(
        bucket: Bucket, prefix: ObjectKey?, stray: (String) -> Void
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

    package func removePartials() throws(ObjectStoreError) {
        for name in try Folder.entries(of: partialFolder) {
            unlink("\(partialFolder)/\(name)")
        }
    }
}
