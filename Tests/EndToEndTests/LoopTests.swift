import StrictJSON
import TestSupport
import Testing

/// Three nights over a fleet whose wear law changed, by the programs as they ship.
@Suite("The loop, closed")
struct LoopTests {
    /// What a night of the script did.
    struct Night {
        let rows: Int64
        let fieldUnits: Int64
        let candidates: Int64
        let promoted: Int64
        let decision: String
        let fieldRMSE: Double

        init(_ reader: JSONReader) throws {
            rows = try reader.integer("rows")
            fieldUnits = try reader.integer("field_units")
            candidates = try reader.integer("candidates")
            promoted = try reader.integer("promoted")
            decision = try reader.string("decision")
            fieldRMSE = try reader.double("field_rmse")
        }
    }

    static func nights(_ options: [String]) throws -> [Night] {
        let finished = try Subprocess.run(
            "bash", [PackageRoot.file("Tests/Loop/three-nights.sh")] + options, seconds: 600)
        guard finished.status == 0 else { throw TestSupportError(finished.errors) }
        print(finished.output)
        let summary = finished.output.split(separator: "\n").last ?? ""
        let reader = try JSONReader(parsing: Array(summary.utf8))
        return try reader.objects("nights").map { try Night($0) }
    }

    @Test(
        "What the field teaches makes its error fall night by night; without the pull nothing does",
        .enabled(
            if: KillTests.isPossible,
            "Build both programs (make build) and install mosquitto (make deps)."))
    func threeNights() throws {
        let nights = try Self.nights([])
        try #require(nights.count == 3)
        #expect(nights.map(\.promoted) == [1, 2, 3])
        #expect(nights.map(\.fieldUnits) == [0, 17, 34])
        for (before, after) in zip(nights, nights.dropFirst()) {
            #expect(after.decision == "promoted version \(after.promoted)")
            #expect(after.rows > before.rows)
            #expect(after.fieldRMSE < 0.9 * before.fieldRMSE)
        }
        let without = try Self.nights(["--without-pull"])
        try #require(without.count == 3)
        #expect(without.map(\.promoted) == [1, 1, 1])
        #expect(without.map(\.fieldUnits) == [0, 0, 0])
        #expect(without.dropFirst().map(\.candidates) == [0, 0])
        #expect(without.map(\.fieldRMSE) == Array(repeating: nights[0].fieldRMSE, count: 3))
    }
}
