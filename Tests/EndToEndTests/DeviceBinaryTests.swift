import TestSupport
import Testing

/// Asks what the device binary carries.
@Suite(
    "Device binary",
    .enabled(
        if: Subprocess.find("readelf") != nil && Subprocess.find("nm") != nil,
        "readelf and nm are missing: apt-get install binutils."))
struct DeviceBinaryTests {
    @Test("It needs four C libraries and the system's, and no Swift library beside itself")
    func needed() throws {
        let finished = try Subprocess.run(
            "readelf", ["-d", try BuiltProduct.path("edge-agent")])
        let needed = finished.output.split(separator: "\n").filter { $0.contains("(NEEDED)") }
            .compactMap { $0.split(separator: "[").last?.split(separator: "]").first }
        let allowed = [
            "libmosquitto.so", "libsqlite3.so", "libz.so", "libsodium.so", "libc.so", "libm.so",
            "libstdc++.so", "libgcc_s.so", "libpthread.so", "libdl.so", "ld-linux",
        ]
        try #require(!needed.isEmpty)
        for library in needed {
            #expect(allowed.contains { library.hasPrefix($0) }, "\(library) is not allowed")
        }
    }

    @Test("It holds no symbol of Foundation")
    func symbols() throws {
        let finished = try Subprocess.run("nm", [try BuiltProduct.path("edge-agent")])
        try #require(finished.output.contains("EdgeCore"), "the binary has symbols to look at")
        #expect(!finished.output.contains("$s10Foundation"))
        #expect(!finished.output.contains("$s20FoundationEssentials"))
    }
}
