import Glibc
import TestSupport

/// A port of 127.0.0.1 where connections are queued and nobody accepts or answers them.
final class Listener {
    let port: Int
    private let descriptor: Int32

    init(backlog: Int32) throws {
        port = try FreePort.find()
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard bound == 0, listen(descriptor, backlog) == 0 else {
            throw TestSupportError("No listener on port \(port): errno \(errno).")
        }
    }

    deinit { close(descriptor) }
}
