import Sodium
import StrictJSON
import TestSupport
import Testing

/// Runs a sample of each program in `Tests/Kill`; docs/reliability.md says what a whole run takes.
@Suite(
    "Crash points", .serialized,
    .enabled(
        if: CrashPoints.arePossible,
        "Build both programs (make build), install strace, python3 and mosquitto (make deps)."),
    .timeLimit(.minutes(10)))
struct CrashPointTests {
    /// Runs a program of `Tests/Kill` and returns its last line.
    private func run(_ program: String, _ arguments: [String]) throws -> JSONReader {
        let finished = try Subprocess.run(
            "python3", [PackageRoot.file("Tests/Kill/\(program)")] + arguments,
            environment: ["BIN": ""], seconds: 500)
        guard finished.status == 0, let summary = finished.output.split(separator: "\n").last
        else { throw TestSupportError(finished.errors) }
        return try JSONReader(parsing: Array(summary.utf8))
    }

    @Test(
        "Killed at a system call, an agent loses nothing, doubles nothing, and gets its model",
        arguments: ["ingest", "swap"])
    func kills(scenario: String) throws {
        let summary = try run("crash_points.py", [scenario, "--points", "24"])
        #expect(try summary.integer("points") == 24)
        // The busiest calls come once more or less from run to run: the last of them may not come.
        #expect(try summary.integer("hit") >= 20)
        #expect(try summary.integer("calls") > 400)
    }

    @Test("A write or sync that fails, once or for good, costs no acknowledged reading")
    func errors() throws {
        let summary = try run("crash_points.py", ["errors", "--points", "12"])
        #expect(try summary.integer("points") == 12)
    }

    @Test("On a full disk the agent takes no more, and goes on when there is room")
    func fullDisk() throws {
        let summary = try run("full_disk.py", ["--runs", "6"])
        #expect(try summary.integer("limited") == 3)
        #expect(try summary.integer("stopped") >= 2, "the disk was never full")
    }

    @Test("What the agent acknowledged outlives a killed broker, once")
    func brokerKills() throws {
        let summary = try run("broker_kills.py", ["--kills", "8"])
        #expect(try summary.integer("acknowledged") > 100)
    }

    @Test("The folders that an agent creates for its store are durable where they stand")
    func folders() throws {
        let folder = try TemporaryFolder("folders")
        let key = SigningKey.generate().verificationKey
        let keyFile = try folder.write(KeyFile.text(of: key), to: "model.pub")
        let log = folder.path("calls")
        _ = try Subprocess.run(
            "strace",
            [
                "-f", "-y", "-o", log, "-e", "trace=mkdir,fsync",
                try BuiltProduct.path("edge-agent"), "check", "--broker-port", "1", "--fleet", "f",
                "--agent-id", "a", "--data", folder.path("deep/data"), "--public-key", keyFile,
            ])
        let calls = String(decoding: try folder.read("calls"), as: UTF8.self).split(separator: "\n")
        for (made, parent) in [("deep", ""), ("deep/data", "/deep")] {
            let making = calls.firstIndex {
                $0.contains("mkdir(\"\(folder.path(made))\"") && $0.hasSuffix("= 0")
            }
            let sync = calls.firstIndex {
                $0.contains("fsync(") && $0.contains("<\(folder.path)\(parent)>) ")
            }
            #expect(try #require(making) < #require(sync), "\(calls)")
        }
    }

    @Test("A killed back office leaves each object old, new or absent, and repeats what it began")
    func objectStore() throws {
        let summary = try run("object_store.py", ["--points", "10"])
        #expect(try summary.integer("hit") >= 18)
    }
}

enum CrashPoints {
    /// Whether the programs are built, and strace may trace here, which containers can forbid.
    static var arePossible: Bool {
        (try? BuiltProduct.path("edge-agent")) != nil
            && (try? BuiltProduct.path("backoffice")) != nil
            && ["mosquitto", "python3"].allSatisfy { Subprocess.find($0) != nil }
            && (try? Subprocess.run("strace", ["-f", "-o", "/dev/null", "true"]).status) == 0
    }
}
