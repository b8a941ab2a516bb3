import Glibc
import Prognostics
import Sodium

/// The highest release counter, kept a second time beside the database.
///
/// A damaged page can take the offer's row, and with it the counter: an attacker who replays an
/// older offer would then find a device that has forgotten the newer one. This file shares no page
/// with the database, and no salvage touches it. A file whose digest is wrong counts for nothing.
struct CounterFile {
    /// Where it lies: one for every store of a folder, salvaged ones included.
    let path: String

    init(folder: String) { path = folder + "/release-counter" }

    /// The counter; 0 without a file, or with one that is no use.
    func read() -> Int64 {
        guard let bytes = try? Files.read(path) else { return 0 }
        let words = bytes.split(separator: UInt8(ascii: " "), maxSplits: 1)
        guard words.count == 2, let counter = Int64(String(decoding: words[0], as: UTF8.self)),
            Array(bytes) == Self.bytes(counter)
        else { return 0 }
        return counter
    }

    /// Writes the counter; it is on disk when this returns.
    func write(_ counter: Int64) throws(EdgeRuntimeError) {
        let temporary = path + ".new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else {
            throw .file(path: temporary, operation: "Opening", reason: Files.reason())
        }
        let bytes = Self.bytes(counter)
        let isWritten = Glibc.write(descriptor, bytes, bytes.count) == bytes.count
        guard isWritten, fsync(descriptor) == 0 else {
            let reason = Files.reason()
            close(descriptor)
            throw .file(path: temporary, operation: "Writing", reason: reason)
        }
        close(descriptor)
        try Files.move(temporary, to: path)
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        try Files.syncFolder(folder.isEmpty ? "/" : folder)
    }

    /// The number, and the digest that proves it.
    private static func bytes(_ counter: Int64) -> [UInt8] {
        let number = String(counter)
        return Array("\(number) \(SHA256.digest(of: Array(number.utf8)))\n".utf8)
    }
}
