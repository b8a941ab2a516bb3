import BackofficePipeline
import EdgeProtocol
import Fleet
import Foundation
import Prognostics
import Registry
import StrictJSON
import TestSupport
import Testing

/// Asks whether alerts and their ends arrive at a real Alertmanager and at a webhook.
@Suite(
    "Alerts at real receivers", .serialized,
    .enabled(if: TestBroker.isInstalled, "\(TestBroker.skipMessage)"))
struct AlertStepTests {
    static let hour: Int64 = 3_600_000
    let folder: TemporaryFolder
    let workspace: Workspace
    let broker: TestBroker
    let fleet: FleetBroker

    init() throws {
        folder = try TemporaryFolder("alerts")
        workspace = try Workspace(path: folder.path("W"), access: .create, command: "test")
        broker = try TestBroker()
        fleet = try FleetBroker(
            host: broker.host, port: Int32(broker.port), user: nil, password: nil, fleet: "demo",
            topicPrefix: Topics.defaultPrefix)
    }

    /// An Alertmanager of the test's own, which ends with it.
    final class Alertmanager {
        static let program = "prometheus-alertmanager"
        let port: Int
        private let folder: TemporaryFolder
        private let process: Subprocess

        init() throws {
            folder = try TemporaryFolder("alertmanager")
            port = try FreePort.find()
            try folder.write(
                "route:\n  receiver: none\nreceivers:\n  - name: none\n", to: "am.yml")
            process = try Subprocess(
                Self.program,
                [
                    "--config.file=\(folder.path("am.yml"))",
                    "--storage.path=\(folder.path("data"))",
                    "--web.listen-address=127.0.0.1:\(port)", "--cluster.listen-address=",
                ])
            let port = port
            guard Eventually.holds(within: 60, { FreePort.answers(port) }) else {
                throw TestSupportError("It did not start: \(try process.errorsSoFar())")
            }
        }

        deinit { process.send(9) }

        /// Names of the alerts that are active, as it says by its own API.
        func active() throws -> [String] {
            let said = try Subprocess.run(
                "python3",
                [
                    "-c",
                    """
                    import json, sys, urllib.request
                    for a in json.load(urllib.request.urlopen(sys.argv[1])):
                        print(a["labels"]["alertname"], a["labels"]["subject"],
                              a["labels"]["fleet"], a["status"]["state"], sep="|")
                    """,
                    "http://127.0.0.1:\(port)/api/v2/alerts",
                ])
            guard said.status == 0 else { throw TestSupportError(said.errors) }
            return said.output.split(separator: "\n").map(String.init).sorted()
        }
    }

    /// A webhook that writes each body it gets into a file, and answers as it is told.
    final class Webhook {
        let port: Int
        private let folder: TemporaryFolder
        private let process: Subprocess

        init(answering status: Int = 200, port: Int? = nil) throws {
            folder = try TemporaryFolder("webhook")
            self.port = try port ?? FreePort.find()
            process = try Subprocess(
                "python3",
                [
                    "-c",
                    """
                    import http.server, sys
                    class Hook(http.server.BaseHTTPRequestHandler):
                        def do_POST(self):
                            size = int(self.headers["Content-Length"])
                            body = self.rfile.read(size)
                            with open(sys.argv[2], "ab") as file:
                                file.write(body + b"\\n")
                            self.send_response(int(sys.argv[3]))
                            self.end_headers()
                    http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Hook).serve_forever()
                    """,
                    String(self.port), folder.path("bodies"), String(status),
                ])
            let port = self.port
            guard Eventually.holds(within: 60, { FreePort.answers(port) }) else {
                throw TestSupportError("It did not start: \(try process.errorsSoFar())")
            }
        }

        deinit { process.send(9) }

        /// The texts that it got.
        func texts() throws -> [String] {
            guard FileManager.default.fileExists(atPath: folder.path("bodies")) else { return [] }
            return try folder.read("bodies").split(separator: 10).map {
                try JSONReader(parsing: Array($0)).string("text")
            }
        }
    }

    func step(
        _ receivers: [AlertReceiver?], at millis: Int64 = 0
    ) throws -> AlertStep {
        AlertStep(
            workspace: workspace, broker: fleet,
            request: AlertStep.Request(
                receivers: try receivers.map { try #require($0) }, rules: AlertRules(),
                pace: AlertBook.Pace()),
            nowMillis: millis, progress: .silent)
    }

    /// A night that ends as told.
    func night(_ outcome: NightRecord.Outcome, _ detail: String = "") throws {
        let night = try workspace.registry.beginNight(target: fleet.target, timeMillis: 0)
        try workspace.registry.endNight(
            night, outcome: outcome, detail: detail, fleet: "", timeMillis: 0)
    }

    @Test(
        "A failed night is active at Alertmanager, and resolved after the next one",
        .enabled(
            if: Subprocess.find(AlertStepTests.Alertmanager.program) != nil,
            "Alertmanager is not installed: apt-get install prometheus-alertmanager."))
    func alertmanager() throws {
        let manager = try Alertmanager()
        let receiver = AlertReceiver(.alertmanager, url: "http://127.0.0.1:\(manager.port)/")
        let now = WallClock.nowMillis()
        try night(.failed, "The disk is full.")
        try workspace.registry.see(["edge-9"], target: fleet.target, timeMillis: 0)
        let first = try step([receiver], at: now).send()
        #expect(first.failures.isEmpty)
        #expect(
            try manager.active() == [
                "NacelleAgentSilent|edge-9|demo|active", "NacelleNightFailed|nightly|demo|active",
            ])
        #expect(try step([receiver], at: now + 1).send().delivered.isEmpty, "told once")
        try night(.done)
        try workspace.registry.see(["edge-9"], target: fleet.target, timeMillis: now)
        let last = try step([receiver], at: now + 2).send()
        #expect(last.delivered.first?.notices.map(\.isResolved) == [true, true])
        #expect(try manager.active() == [])
    }

    @Test("A webhook gets a line for each notice in Slack's format, and the end")
    func webhook() throws {
        let hook = try Webhook()
        let receiver = AlertReceiver(.webhook, url: "http://127.0.0.1:\(hook.port)/services/T/B/x")
        try night(.failed, "5 < 6 & <!channel>.")
        _ = try step([receiver]).send()
        try night(.held, "lstm is missing.")
        _ = try step([receiver], at: 1).send()
        try night(.done)
        _ = try step([receiver], at: 2).send()
        _ = try step([receiver], at: 3).send()
        let texts = try hook.texts()
        #expect(texts.count == 3)
        #expect(
            texts[0]
                == "*CRITICAL* NightFailed, nightly, fleet demo: The newest night failed: 5 &lt; 6 "
                + "&amp; &lt;!channel&gt;.")
        let second = texts[1].split(separator: "\n")
        #expect(second.count == 2 && second[0].hasPrefix("*WARNING* PromotionHeld"))
        #expect(second[1].hasPrefix("*RESOLVED* NightFailed"))
        #expect(texts[2].hasPrefix("*RESOLVED* PromotionHeld"))
    }

    @Test(
        "A receiver that is down, or refuses, is said, and told by the next run",
        arguments: [
            nil, 500,
        ] as [Int?])
    func down(status: Int?) throws {
        let port = try FreePort.find()
        try night(.failed, "The disk is full.")
        let receiver = AlertReceiver(.webhook, url: "http://127.0.0.1:\(port)/secret")
        do {
            let hook = try status.map { try Webhook(answering: $0, port: port) }
            let failed = try step([receiver]).send()
            #expect(failed.failures.count == 1 && failed.delivered.isEmpty)
            #expect(failed.failures.allSatisfy { !$0.contains("secret") }, "it is a secret")
            withExtendedLifetime(hook) {}
        }
        try #require(Eventually.holds(within: 20) { !FreePort.answers(port) })
        let hook = try Webhook(port: port)
        #expect(try step([receiver], at: 1).send().failures.isEmpty)
        #expect(try hook.texts().count == 1)
    }

    @Test("Without its broker nothing is known of the agents, and nothing about them is over")
    func brokerDown() throws {
        let hook = try Webhook()
        let receiver = AlertReceiver(.webhook, url: "http://127.0.0.1:\(hook.port)")
        try workspace.registry.see(["edge-9"], target: fleet.target, timeMillis: 0)
        let day = 25 * Self.hour
        #expect(try step([receiver], at: day).send().delivered.first?.notices.count == 1)
        try broker.stop()
        let blind = try step([receiver], at: day + 1).send()
        #expect(blind.delivered.isEmpty)
        #expect(blind.failures.first?.hasPrefix("Nothing is known of the agents") == true)
    }

    @Test("A test alert and its end leave what is firing as it is")
    func test() throws {
        let hook = try Webhook()
        let receiver = AlertReceiver(.webhook, url: "http://127.0.0.1:\(hook.port)")
        try night(.failed, "The disk is full.")
        _ = try step([receiver]).send()
        #expect(try step([receiver], at: 1).test().delivered.count == 2)
        #expect(try step([receiver], at: 2).send().delivered.isEmpty)
        let books = try AlertStep.books(in: workspace, target: fleet.target)
        #expect(books.first?.book.firing.map(\.condition.rule) == [.nightFailed])
        #expect(throws: AlertError.noReceiver) { try step([]).test() }
    }

    @Test("A night whose process was killed has failed")
    func killedNight() throws {
        _ = try workspace.registry.beginNight(target: fleet.target, timeMillis: 0)
        let found = try step([]).conditions().found
        #expect(found.map(\.rule) == [.nightFailed])
        #expect(found.first?.summary.contains("its process ended before it did") == true)
    }

    @Test(
        "An address is one of HTTP, without blanks",
        arguments: [
            ("http://h", true), ("https://h:1/x", true), ("ftp://h", false), ("h:9093", false),
            ("http://h /x", false), ("http://h\n", false), ("", false),
        ])
    func addresses(url: String, isValid: Bool) {
        #expect((AlertReceiver(.webhook, url: url) != nil) == isValid)
    }
}
