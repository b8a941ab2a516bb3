import Glibc

/// A reason why an object was not stored or not found.
package enum ObjectStoreError: Error, Equatable, CustomStringConvertible {
    /// The text is no key.
    case invalidKey(String)
    /// No object has this key.
    case missing(bucket: Bucket, key: String)
    /// Another object already has this key, and the caller did not ask to replace it.
    case conflict(bucket: Bucket, key: String)
    /// The object is larger than the caller allows.
    case tooLarge(bucket: Bucket, key: String, size: Int, limit: Int)
    /// The operating system refused a call.
    case system(operation: String, path: String, code: Int32)
    /// The object's bytes are not those that were put.
    case damaged(bucket: Bucket, key: String, expected: String, found: String)
    /// Nobody answers at the server's address.
    case unreachable(store: String, reason: String)
    /// The server, or the way to it, failed in the middle and did not come back in time.
    case outage(store: String, operation: String, attempts: Int, reason: String)
    /// The server's certificate is not one that is trusted.
    case untrusted(store: String, reason: String)
    /// The server does not accept the keys, or not what they may do.
    case refused(store: String, reason: String)
    /// The server has no such bucket.
    case noBucket(bucket: String, store: String)
    /// The server answered what no other case covers.
    case unexpected(store: String, operation: String, status: Int, reason: String)
    /// A setting of the store is none.
    case badSetting(key: String, value: String, expected: String)

    package var description: String {
        switch self {
        case .invalidKey(let text):
            "'\(text)' is no object key: expected up to \(ObjectKey.levelCountMax) levels of "
                + "letters, digits, '.', '_' and '-', separated by '/'."
        case .missing(let bucket, let key):
            "The bucket \(bucket.rawValue) has no object \(key). Run the step that writes it."
        case .conflict(let bucket, let key):
            "The bucket \(bucket.rawValue) already holds another \(key), and the same name must "
                + "mean the same bytes. Move the old object away before trying again."
        case .tooLarge(let bucket, let key, let size, let limit):
            "The object \(bucket.rawValue)/\(key) has \(size) bytes, the limit is \(limit). "
                + "Restore it from a copy or run the step that writes it."
        case .system(let operation, let path, let code) where code == ENOSPC || code == EDQUOT:
            "The disk is full: cannot \(operation) \(path). Free some space and run the command "
                + "again."
        case .system(let operation, let path, let code):
            "Cannot \(operation) \(path): \(String(cString: strerror(code))). Check the "
                + "workspace's folder and its permissions."
        case .damaged(let bucket, let key, let expected, let found):
            "The object \(bucket.rawValue)/\(key) is damaged: it hashes to \(found), and "
                + "\(expected) was put. Restore it from a copy or run the step that writes it."
        case .unreachable(let store, let reason):
            "The object store \(store) cannot be reached: \(reason). Check S3_ENDPOINT, the "
                + "network and the server, then run the command again: nothing is lost."
        case .outage(let store, let operation, let attempts, let reason):
            "The object store \(store) failed in the middle: cannot \(operation), \(attempts) "
                + "attempt(s), the last one because \(reason). Run the command again when the "
                + "server is back: it goes on where it stopped."
        case .untrusted(let store, let reason):
            "The object store \(store) shows a certificate that is not trusted: \(reason). Name "
                + "the file of its authority in S3_CA_FILE, or correct S3_ENDPOINT."
        case .refused(let store, let reason):
            "The object store \(store) refuses this back office: \(reason). Check S3_ACCESS_KEY "
                + "and S3_SECRET_KEY, what they may do, S3_REGION, and this machine's clock."
        case .noBucket(let bucket, let store):
            "The object store \(store) has no bucket \(bucket). Create it, for example with "
                + "'aws s3 mb s3://\(bucket)', or correct OBJECT_STORE."
        case .unexpected(let store, let operation, let status, let reason):
            "The object store \(store) answered \(status) \(reason) instead of doing what was "
                + "asked: cannot \(operation). Check OBJECT_STORE, S3_ENDPOINT and S3_REGION."
        case .badSetting(let key, let value, let expected):
            "\(key) is '\(value)', expected \(expected). Correct it."
        }
    }
}
