import Glibc

/// How this process is named to others.
enum ThisProcess {
    /// The machine's name.
    static var host: String {
        var name = [CChar](repeating: 0, count: 256)
        gethostname(&name, name.count - 1)
        return String(
            decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// `'worker', process 71 on edge-7`: who holds a lease.
    static func name(_ command: String) -> String {
        "'\(command)', process \(getpid()) on \(host)"
    }
}
