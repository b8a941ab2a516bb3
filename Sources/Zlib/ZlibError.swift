/// A reason why bytes are not the gzip file that was expected.
package enum ZlibError: Error, Equatable {
    /// The bytes at the offset do not begin a gzip member (RFC 1952 §2.3.1).
    case notGzip(offset: Int)
    /// A member ends before its trailer does.
    case truncated(size: Int)
    /// A member's data or its check value is wrong; the reason is zlib's.
    case corrupt(offset: Int, reason: String)
    /// The contents are larger than the caller accepts.
    case tooLarge(limit: Int)
    /// zlib could not allocate its state.
    case outOfMemory
}

extension ZlibError: CustomStringConvertible {
    /// What was seen, against what was expected, then the next step.
    package var description: String {
        switch self {
        case .notGzip(let offset):
            "There is no gzip header at byte \(offset). Check that the file is gzip, unchanged."
        case .truncated(let size):
            "The gzip data end at byte \(size) in the middle of a member. Fetch the file again."
        case .corrupt(let offset, let reason):
            "The gzip data are damaged before byte \(offset) (\(reason)). Fetch the file again."
        case .tooLarge(let limit):
            "The gzip data hold more than the limit of \(limit) bytes. Split the file."
        case .outOfMemory:
            "There is not enough memory to read or write gzip data. Free some and try again."
        }
    }
}
