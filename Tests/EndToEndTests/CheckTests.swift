import Sodium
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
                finding: "Set max_queued_messages 0."),
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
}
