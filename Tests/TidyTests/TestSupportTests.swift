import Glibc
import TestSupport
import Testing

@Suite("What the suites share")
struct TestSupportTests {
    @Test("A temporary folder goes with its owner")
    func temporaryFolder() throws {
        var folder: TemporaryFolder? = try TemporaryFolder("own")
        let file = try #require(folder).write("abc", to: "deep/file.txt")
        #expect(try FileBytes.read(file) == Array("abc".utf8))
        folder = nil
        #expect(!FileBytes.exists(file))
    }

    @Test("A process's output, errors, input and exit code arrive")
    func subprocess() throws {
        let finished = try Subprocess.run(
            "sh", ["-c", "cat; echo $WORD >&2; exit 3"], environment: ["WORD": "oops"],
            input: Array("in".utf8))
        #expect(finished.status == 3)
        #expect(finished.output == "in")
        #expect(finished.errors == "oops\n")
    }

    @Test("A process that a signal ends reports the signal")
    func signalled() throws {
        let process = try Subprocess("sleep", ["60"])
        process.send(SIGKILL)
        #expect(try process.wait(seconds: 10).status == -SIGKILL)
        #expect(!process.isRunning)
    }

    @Test("A process that takes too long is killed and reported")
    func timeout() {
        #expect(throws: TestSupportError.self) {
            try Subprocess.run("sleep", ["60"], seconds: 1)
        }
    }

    @Test(
        "A broker keeps its port and its retained messages over a restart",
        .enabled(if: TestBroker.isInstalled, "\(TestBroker.skipMessage)"))
    func broker() throws {
        let broker = try TestBroker(isPersistent: true)
        let address = ["-h", broker.host, "-p", String(broker.port), "-t", "a", "-q", "1"]
        let sent = try Subprocess.run("mosquitto_pub", address + ["-r", "-m", "kept"])
        #expect(sent.status == 0, "\(sent.errors)")
        try broker.restart()
        let seen = try Subprocess.run("mosquitto_sub", address + ["-C", "1", "-W", "5"])
        #expect(seen.output == "kept\n")
        try broker.kill()
        #expect(broker.pid == nil)
        #expect(!FreePort.answers(broker.port))
    }

    @Test("A broker that refuses its configuration says why")
    func brokerRefuses() {
        #expect(throws: TestSupportError.self) {
            try TestBroker(configuration: "no_such_option 1")
        }
    }
}
