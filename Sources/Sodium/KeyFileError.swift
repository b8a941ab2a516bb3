/// A reason to refuse a key file.
package enum KeyFileError: Error, Equatable {
    /// The file is larger than any key file.
    case tooLarge(name: String, size: Int, limit: Int)
    /// A line does not have the three fields of a key.
    case badLine(name: String, line: Int, expected: String)
    /// The second field is not 64 hexadecimal digits.
    case badKey(name: String, line: Int)
    /// The third field does not belong to the key.
    case identifierMismatch(name: String, line: Int, written: String, computed: String)
    /// The file holds no key, or too many.
    case keyCount(name: String, count: Int, limit: Int)
}

extension KeyFileError: CustomStringConvertible {
    /// What was seen, against what was expected, then the operator's next step.
    package var description: String {
        switch self {
        case .tooLarge(let name, let size, let limit):
            "\(name) has \(size) bytes, a key file has at most \(limit). Check the path."
        case .badLine(let name, let line, let expected):
            "\(name), line \(line): expected \"\(expected) <64 hexadecimal digits> "
                + "<key identifier>\". Copy the file again from the workspace's keys folder."
        case .badKey(let name, let line):
            "\(name), line \(line): the key is not 64 hexadecimal digits. "
                + "Copy the file again from the workspace's keys folder."
        case .identifierMismatch(let name, let line, let written, let computed):
            "\(name), line \(line): the key identifier says \(written), the key has \(computed). "
                + "Copy the file again from the workspace's keys folder."
        case .keyCount(let name, let count, let limit):
            "\(name) holds \(count) keys, expected 1 to \(limit). "
                + "Put one key on each line, or create a pair with \"backoffice keys create\"."
        }
    }
}
