import EdgeProtocol
import Mosquitto
import Sodium
import StrictJSON
import TestSupport
import Testing

/// Asks what the real `edge-agent check` finds out about real brokers and folders.
@Suite(
    "edge-agent check", .serialized,
    .enabled(if: TestBroker.isInstalled, "\(TestBroker.skipMessage)"), .timeLimit(.minutes(3)))
struct CheckTests {
    /// Runs the program with a broker of this configuration.
    static func check(
        _ configuration: String, _ folder: TemporaryFolder
    ) throws -> Finished {
        let broker = try TestBroker(configuration: configuration)
        let arguments = arguments(broker, try prepared(folder))
        // The broker ends with its owner.
        return try withExtendedLifetime(broker) {
            try Subprocess.run(try BuiltProduct.path("edge-agent"), arguments)
        }
    }

    static func arguments(_ broker: TestBroker, _ folder: TemporaryFolder) -> [String] {
        RunningAgent.arguments("check", broker, folder) + ["--disk-budget", "64"]
    }

    static func prepared(_ folder: TemporaryFolder) throws -> TemporaryFolder {
        try folder.write(KeyFile.text(of: SigningKey.generate().verificationKey), to: "model.pub")
        return folder
    }

    struct Broker: CustomTestStringConvertible {
        let testDescription: String
        let configuration: String
        /// What is found, or `nil` when nothing needs a change.
        let finding: String?
    }

    @Test(
        "What the broker cannot do is found, with the setting to change",
        arguments: [
            Broker(
                testDescription: "as we ship it",
                configuration: "allow_anonymous true\nmax_queued_messages 0\n"
                    + "message_size_limit 1048576\nmax_packet_size 1114112", finding: nil),
            Broker(
                testDescription: "mosquitto's defaults", configuration: "allow_anonymous true",
                finding: "Set max_queued_messages 0"),
            Broker(
                testDescription: "a queue of few bytes",
                configuration: "allow_anonymous true\nmax_queued_messages 0\n"
                    + "max_queued_bytes 100000", finding: "max_queued_bytes 0."),
            Broker(
                testDescription: "few messages in flight",
                configuration: "allow_anonymous true\nmax_queued_messages 0\n"
                    + "max_inflight_messages 5", finding: "Raise max_inflight_messages."),
            Broker(
                testDescription: "QoS 0 only",
                configuration: "max_qos 0\nallow_anonymous true\nmax_queued_messages 0",
                finding: "Raise max_qos."),
            Broker(
                testDescription: "small packets",
                configuration: "allow_anonymous true\nmax_queued_messages 0\n"
                    + "max_packet_size 20000", finding: "Raise max_packet_size."),
            Broker(
                testDescription: "small messages",
                configuration: "allow_anonymous true\nmax_queued_messages 0\n"
                    + "message_size_limit 20000", finding: "Raise message_size_limit"),
            Broker(
                testDescription: "no retained messages",
                configuration: "allow_anonymous true\nmax_queued_messages 0\n"
                    + "retain_available false", finding: "Set retain_available true."),
        ])
    func brokers(_ broker: Broker) throws {
        let folder = try TemporaryFolder("check")
        let result = try Self.check(broker.configuration, folder)
        let warnings = result.output.split(separator: "\n").filter { $0.hasPrefix("warning:") }
        if let finding = broker.finding {
            #expect(warnings.contains { $0.contains(finding) }, "\(result.output)")
            #expect(result.status == 3)
        } else {
            #expect(warnings.isEmpty, "\(result.output)")
            #expect(result.status == 0, "\(result.errors)")
        }
    }

    @Test("Another agent that takes in the same readings is found")
    func overlap() throws {
        let agent = try RunningAgent()
        let folder = try Self.prepared(try TemporaryFolder("check"))
        let program = try BuiltProduct.path("edge-agent")
        let other = ["--agent-id", "second"]
        let result = try Subprocess.run(program, Self.arguments(agent.broker, folder) + other)
        #expect(result.status == 3)
        #expect(result.output.contains("agent agent takes in"), "\(result.output)")
        let apart = try Subprocess.run(
            program,
            Self.arguments(agent.broker, folder) + other
                + ["--topic-prefix", "elsewhere/v1"])
        #expect(!apart.output.contains("agent agent takes in"), "\(apart.output)")
    }

    @Test("A damaged store is reported and left alone")
    func damaged() throws {
        let folder = try Self.prepared(try TemporaryFolder("check"))
        try folder.write("no database, whatever it says", to: "data/nacelle.sqlite")
        let result = try Self.check("allow_anonymous true\nmax_queued_messages 0", folder)
        #expect(result.status == 3)
        #expect(result.output.contains("warning: the store is damaged"), "\(result.output)")
        #expect(try !folder.names("data").contains { $0.contains("damaged") })
    }

    @Test("A broker that is not there is an exit code of its own")
    func noBroker() throws {
        let folder = try Self.prepared(try TemporaryFolder("check"))
        let broker = try TestBroker()
        try broker.stop()
        let result = try Subprocess.run(
            try BuiltProduct.path("edge-agent"), Self.arguments(broker, folder))
        #expect(result.status == 69)
    }

    @Test("Readings that the broker keeps are found, with a topic and what to do")
    func retainedReadings() throws {
        let agent = try RunningAgent()
        let sensor = try agent.session("sensor")
        for unit in ["u1", "u2"] {
            try sensor.publish(
                topic: agent.topics.root + "engines/\(unit)/readings",
                payload: Payload.row(unit, 5), retain: true, timeoutSeconds: 10)
        }
        try agent.stop()
        let result = try Subprocess.run(
            try BuiltProduct.path("edge-agent"), Self.arguments(agent.broker, agent.folder))
        #expect(result.status == 3)
        #expect(
            result.output.contains(
                "warning: the broker keeps readings of 2 topic(s), such as "
                    + "turbofan/v1/fleet/engines/u1/readings"), "\(result.output)")
        #expect(result.output.contains("Publish readings without the retain flag"))
    }

    @Test("As JSON it says the same: settings without secrets, each finding in parts, the error")
    func json() throws {
        let folder = try Self.prepared(try TemporaryFolder("check"))
        let broker = try TestBroker(configuration: "allow_anonymous true\nretain_available false")
        let program = try BuiltProduct.path("edge-agent")
        let arguments =
            Self.arguments(broker, folder) + ["--json", "--broker-user", "u"]
            + ["--broker-password", "secret"]
        let result = try Subprocess.run(program, arguments)
        #expect(result.status == 3)
        #expect(!result.output.contains("secret"))
        let object = try JSONReader(parsing: result.standardOutput)
        #expect(try object.object("configuration").string("DISK_BUDGET") == "64")
        var warnings: Set<String> = []
        for finding in try object.array("findings") {
            guard case .object(let members) = finding else { continue }
            func text(_ key: String) -> String {
                guard case .string(let text)? = members.first(where: { $0.key == key })?.value
                else { return "" }
                return text
            }
            if text("level") == "warning" {
                warnings.insert(text("subject"))
                #expect(!text("seen").isEmpty && !text("expected").isEmpty)
                #expect(!text("change").isEmpty)
            }
        }
        #expect(warnings == ["broker.retain", "broker.queue"])
        #expect(try object.integer("warnings") == 2)

        try broker.stop()
        let unreached = try Subprocess.run(program, arguments)
        #expect(unreached.status == 69)
        let rest = try JSONReader(parsing: unreached.standardOutput)
        #expect(try rest.string("error").contains("\(broker.port)"))
        #expect(try rest.integer("warnings") == 0)
    }
}
