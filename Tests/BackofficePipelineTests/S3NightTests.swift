import BackofficePipeline
import Foundation
import ObjectStore
import Registry
import TestSupport
import Testing

/// Nights and workers whose objects are on a real S3 server, started and killed as processes.
@Suite(
    "Nights on an S3 server",
    .enabled(
        if: OraclePython.isPresent && TestBroker.isInstalled,
        "\(OraclePython.skipMessage) \(TestBroker.skipMessage)"))
struct S3NightTests {
    let office: OfficeProgram
    let server: TestS3Server

    init() throws {
        office = try OfficeProgram("s3-night")
        server = try TestS3Server()
    }

    /// Opens a workspace as the programs do, without a change.
    func look(_ prefix: String, _ workspace: String = "W") throws -> Workspace {
        let configuration = try S3Configuration(
            location: "s3://\(TestS3Server.bucket)/\(prefix)", endpoint: server.endpoint(),
            region: "us-east-1", accessKey: server.accessKey, secretKey: server.secretKey,
            authorities: nil)
        return try Workspace(
            path: office.folder.path(workspace), access: .look, command: "test",
            store: .s3(configuration))
    }

    /// What the server has, without the name of the workspace.
    func objects(_ prefix: String) throws -> [String: [UInt8]] {
        var objects = try server.objects(below: prefix)
        #expect(objects.removeValue(forKey: "model-promotion/workspace-id")?.count == 64)
        return objects
    }

    @Test("Of two workers one is killed; the other finishes its claim, with a single night's bytes")
    func takeover() throws {
        let broker = try TestBroker()
        let place = ["--broker-port", "\(broker.port)"]
        let store = server.environment(prefix: "shared")
        let posted = try office.run(["preprocess", "--post"] + place, store: store)
        #expect(posted.status == 0, "\(posted.errors)")
        let victim = try office.start(
            ["worker", "--types", "xgboost", "--lease-seconds", "3"] + place, store: store)
        let isTraining = try Eventually.holds(within: 120) {
            try victim.errorsSoFar().contains("Training xgboost")
        }
        #expect(isTraining)
        let heir = try office.start(["worker"] + place, store: store)
        victim.send(SIGKILL)
        #expect(try victim.wait().status == -SIGKILL)
        let evaluated = try office.run(
            ["evaluate", "--wait", "280", "--expected-model-types", "xgboost,trend,ensemble"],
            store: store)
        #expect(evaluated.status == 0, "\(evaluated.errors)")
        heir.send(SIGTERM)
        let ended = try heir.wait()
        #expect(ended.output.contains("(xgboost) SUCCESS"), "\(ended.errors)")
        #expect(try office.run(["promote"], store: store).status == 0)
        let claim = try #require(
            try look("shared").registry.claims().first { $0.order.modelType == "xgboost" })
        #expect(claim.attempt == 2 && claim.failureCount == 1 && claim.state == .settled)

        // One process, and a folder.
        let night = try office.run(["nightly"] + place, workspace: "single")
        #expect(night.errors.contains("There is no signing key"), "\(night.errors)")
        let expected = unversioned(try office.objects("single"))
        let made = unversioned(try objects("shared"))
        #expect(expected.count == 14, "\(expected.keys.sorted())")
        #expect(made.keys.sorted() == expected.keys.sorted())
        for (name, bytes) in expected { #expect(made[name] == bytes, "\(name)") }
        #expect(!FileBytes.exists(office.folder.path("W/objects")))
        try reads(store)
    }

    /// What only looks reads from the server as well.
    func reads(_ store: [String: String]) throws {
        let report = try office.run(["report", "--json"], store: store)
        #expect(report.status == 0, "\(report.errors)")
        let predicted = try office.run(
            ["predict", "--input", office.folder.path("data/test_SIM.txt")], store: store)
        #expect(predicted.status == 0, "\(predicted.errors)")
        let single = try office.run(
            ["predict", "--input", office.folder.path("data/test_SIM.txt")], workspace: "single")
        #expect(predicted.output.split(separator: "\n").count > 100)
        func timeless(_ text: String) -> String {
            text.replacing(#/"latency_us":\d+/#, with: "")
        }
        #expect(timeless(predicted.output) == timeless(single.output))
    }

    @Test(
        "An outage in the middle of a night promotes nothing, and the next night heals it",
        arguments: ["Training xgboost", "Scoring version"])
    func outage(mark: String) throws {
        let broker = try TestBroker()
        let proxy = try TestProxy(server)
        let place = ["--broker-port", "\(broker.port)"]
        let store = server.environment(prefix: "outage", through: proxy)
        #expect(try office.run(["keys", "create"]).status == 0)
        let night = try office.start(["nightly"] + place, store: store)
        let isThere = try Eventually.holds(within: 120) { try night.errorsSoFar().contains(mark) }
        #expect(isThere)
        proxy.cut()
        let cut = try night.wait(seconds: 300)
        #expect(cut.status == 1, "\(cut.errors)")
        #expect(
            cut.errors.contains("The object store s3://nacelle/outage at http://127.0.0.1:"),
            "\(cut.errors)")
        #expect(cut.errors.contains("failed in the middle: cannot"), "\(cut.errors)")
        #expect(!cut.errors.contains(server.secretKey))
        #expect(try look("outage").registry.promotionHistory().isEmpty)
        #expect(try objects("outage")["model-promotion/current.json"] == nil)
        let stillCut = try office.run(["nightly"] + place, store: store)
        #expect(stillCut.status == 1, "\(stillCut.errors)")

        proxy.heal()
        let healed = try office.run(["nightly"] + place, store: store)
        #expect(healed.status == 0, "\(healed.errors)")
        #expect(try office.run(["keys", "create"], workspace: "undisturbed").status == 0)
        let undisturbed = try office.run(["nightly"] + place, workspace: "undisturbed")
        #expect(undisturbed.status == 0, "\(undisturbed.errors)")
        let expected = try office.objects("undisturbed")
        let made = try objects("outage")
        #expect(made.keys.sorted() == expected.keys.sorted())
        for (name, bytes) in expected { #expect(made[name] == bytes, "\(name)") }
    }

    @Test("A workspace is only opened with the object store it was made with, and by itself")
    func binding() throws {
        let store = server.environment(prefix: "one")
        #expect(try office.run(["preprocess"], store: store).status == 0)
        #expect(try office.run(["preprocess"], workspace: "folder").status == 0)
        let withoutServer = try office.run(["models", "list"])
        #expect(withoutServer.status == 64)
        #expect(
            withoutServer.errors.contains(
                "The registry in W was made with the object store 's3://nacelle/one', and "
                    + "OBJECT_STORE is 'folder'."))
        let withServer = try office.run(["preprocess"], workspace: "folder", store: store)
        #expect(withServer.status == 64)
        let second = try office.run(["preprocess"], workspace: "second", store: store)
        #expect(second.status == 64)
        #expect(second.errors.contains("has the objects of another one"), "\(second.errors)")
        #expect(!FileBytes.exists(office.folder.path("second/registry.sqlite")))
        // Another server of the same name knows nothing of this workspace.
        let other = try TestS3Server()
        let lost = try office.run(["preprocess"], store: other.environment(prefix: "one"))
        #expect(lost.status == 64)
        #expect(lost.errors.contains("has no objects of it"), "\(lost.errors)")
        #expect(try office.run(["preprocess"], store: store).status == 0)
    }

    @Test("A setting that is none, a wrong key and an absent bucket end a command with a sentence")
    func settings() throws {
        var store = server.environment(prefix: "settings")
        store["S3_SECRET_KEY"] = "wrong-but-printable"
        let refused = try office.run(["preprocess"], store: store)
        #expect(refused.status == 1)
        #expect(refused.errors.contains("SignatureDoesNotMatch"), "\(refused.errors)")
        #expect(!refused.errors.contains("wrong-but-printable"))
        store = server.environment(prefix: "settings")
        store["OBJECT_STORE"] = "s3://elsewhere"
        let absent = try office.run(["preprocess"], store: store)
        #expect(absent.errors.contains("has no bucket elsewhere. Create it"), "\(absent.errors)")
        store["S3_STALL_SECONDS"] = "soon"
        let wrong = try office.run(["preprocess"], store: store)
        #expect(wrong.status == 64)
        #expect(wrong.errors.contains("S3_STALL_SECONDS is 'soon', expected 1 to 3600 seconds."))
        // Nothing of it stays in the way of a right one.
        let right = try office.run(
            ["preprocess"], store: server.environment(prefix: "settings"))
        #expect(right.status == 0, "\(right.errors)")
    }
}
