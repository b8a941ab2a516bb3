import TestSupport
import Testing

@Suite("Kills")
struct KillTests {
    static let needed = ["mosquitto", "mosquitto_pub", "mosquitto_sub", "sqlite3"]

    /// Whether both programs are built and the tools of the script are there.
    static var isPossible: Bool {
        (try? BuiltProduct.path("edge-agent")) != nil
            && (try? BuiltProduct.path("backoffice")) != nil
            && needed.allSatisfy { Subprocess.find($0) != nil }
    }

    @Test(
        "Killed again and again while readings arrive, the agent loses none and scores none twice",
        .enabled(
            if: isPossible,
            "Build both programs (make build) and install sqlite3 and mosquitto (make deps)."))
    func kills() throws {
        let finished = try Subprocess.run(
            "bash", [PackageRoot.file("Tests/Kill/kill-test.sh")],
            environment: ["READINGS": "2000", "RATE": "1000", "KILLS": "5", "WORKSPACE": ""],
            seconds: 300)
        #expect(finished.status == 0, "\(finished.errors)")
        let summary = finished.output.split(separator: "\n").last ?? ""
        #expect(summary.contains("\"rows\":2000,\"lost\":0,\"scored_twice\":0"), "\(summary)")
        #expect(summary.contains("\"pulled\":2000}"), "\(summary)")
    }
}
