import TestSupport
import Testing

@Suite("Kills")
struct KillTests {
    static let needed = ["mosquitto", "mosquitto_pub", "mosquitto_sub", "sqlite3"]

    /// Whether the programs are built and the tools of the script are there.
    static var isPossible: Bool {
        ["edge-agent", "backoffice", "naive-subscriber"].allSatisfy {
            (try? BuiltProduct.path($0)) != nil
        } && needed.allSatisfy { Subprocess.find($0) != nil }
    }

    @Test(
        "Killed again and again while readings arrive, the agent loses none and scores none twice",
        .enabled(
            if: isPossible,
            "Build the programs (make build) and install sqlite3 and mosquitto (make deps)."))
    func kills() throws {
        let finished = try Subprocess.run(
            "bash", [PackageRoot.file("Tests/Kill/kill-test.sh"), "5", "2000", "1000"],
            environment: ["WORKSPACE": ""], seconds: 300)
        #expect(finished.status == 0, "\(finished.errors)")
        let summary = finished.output.split(separator: "\n").last ?? ""
        #expect(summary.contains("\"rows\":2000,\"lost\":0,\"scored_twice\":0"), "\(summary)")
        #expect(summary.contains("\"pulled\":2000,"), "\(summary)")
        #expect(summary.contains("\"naive_lost\":"), "\(summary)")
    }

    @Test(
        "A night killed at random instants and resumed ends as an undisturbed one, nothing redone",
        .enabled(
            if: isPossible && Subprocess.find("python3") != nil,
            "Build the programs (make build) and install python3 and mosquitto (make deps)."))
    func nights() throws {
        let finished = try Subprocess.run(
            PackageRoot.file("Tests/Kill/night-kill-test.sh"), ["4", "2"], seconds: 600)
        #expect(finished.status == 0, "\(finished.errors)")
        let summary = finished.output.split(separator: "\n").last ?? ""
        #expect(
            summary.contains("\"kills\": 4, \"seed\": 2, \"different\": 0, \"redone\": 0"),
            "\(summary)")
    }
}
