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
        }
    }
}
