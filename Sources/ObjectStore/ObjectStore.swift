/// Where the back office keeps its objects: four buckets, and whole objects in them.
///
/// An object appears whole or not at all, and stays whatever is killed. ``FolderStore`` keeps them
/// in a folder, ``S3Store`` on a server; steps of the back office do not know which.
package protocol ObjectStore: Sendable {
    /// Readies the store for ``put(_:bucket:key:replace:)``; what is there stays.
    func prepare() throws(ObjectStoreError)

    /// Stores an object durably; storing the same bytes again changes nothing.
    ///
    /// Other bytes under this key are refused, or replaced if the caller asks for it.
    @discardableResult
    func put(
        _ bytes: [UInt8], bucket: Bucket, key: ObjectKey, replace: Bool
    ) throws(ObjectStoreError) -> PutOutcome

    /// Reads a whole object; one of more than `sizeMax` bytes is refused unread.
    func get(
        bucket: Bucket, key: ObjectKey, sizeMax: Int
    ) throws(ObjectStoreError) -> [UInt8]

    /// The bytes of an object; nil when no object has this key.
    func size(bucket: Bucket, key: ObjectKey) throws(ObjectStoreError) -> Int?

    /// The keys of a bucket that begin with the levels of `prefix`, in order.
    ///
    /// A name that is no key was put there by someone else; `stray` is told its place.
    func list(
        bucket: Bucket, prefix: ObjectKey?, stray: (String) -> Void
    ) throws(ObjectStoreError) -> [ObjectKey]

    /// Removes an object durably; one that is not there is no error.
    func remove(bucket: Bucket, key: ObjectKey) throws(ObjectStoreError)

    /// Removes what killed writers left half-written; nobody may be writing.
    func removePartials() throws(ObjectStoreError)

    /// Where an object is, for people: a path or an address.
    func place(bucket: Bucket, key: ObjectKey) -> String
}

/// What ``ObjectStore/put(_:bucket:key:replace:)`` did.
package enum PutOutcome: Equatable, Sendable {
    case stored
    /// The same bytes were already there.
    case unchanged
}

extension ObjectStore {
    /// The greatest object that is read when the caller sets no limit, in bytes.
    package static var sizeMax: Int { 1 << 30 }

    /// Stores an object durably; other bytes under this key are refused.
    @discardableResult
    package func put(
        _ bytes: [UInt8], bucket: Bucket, key: ObjectKey
    ) throws(ObjectStoreError) -> PutOutcome {
        try put(bytes, bucket: bucket, key: key, replace: false)
    }

    /// Reads a whole object of up to ``sizeMax`` bytes.
    package func get(bucket: Bucket, key: ObjectKey) throws(ObjectStoreError) -> [UInt8] {
        try get(bucket: bucket, key: key, sizeMax: Self.sizeMax)
    }

    /// Whether an object has this key.
    package func exists(bucket: Bucket, key: ObjectKey) throws(ObjectStoreError) -> Bool {
        try size(bucket: bucket, key: key) != nil
    }

    /// The keys of a bucket that begin with the levels of `prefix`, in order.
    package func list(
        bucket: Bucket, prefix: ObjectKey? = nil
    ) throws(ObjectStoreError) -> [ObjectKey] {
        try list(bucket: bucket, prefix: prefix) { _ in }
    }

    /// All keys of a bucket, in order; `stray` is told the places of names that are none.
    package func list(
        bucket: Bucket, stray: (String) -> Void
    ) throws(ObjectStoreError) -> [ObjectKey] {
        try list(bucket: bucket, prefix: nil, stray: stray)
    }
}
