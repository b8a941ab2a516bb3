import BackofficePipeline
import Glibc

/// Writes a command's result and a newline to standard output.
///
/// Unlike `print`, it fails when the disk under a redirected output is full.
func printResult(_ text: String) throws(BackofficeError) {
    try writeResult(Array("\(text)\n".utf8))
}

/// Writes bytes of a command's result to standard output.
func writeResult(_ bytes: [UInt8]) throws(BackofficeError) {
    var rest = bytes[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else {
            throw .file(
                operation: "write to", path: "standard output",
                reason: String(cString: strerror(errno)))
        }
        rest = rest.dropFirst(count)
    }
}
