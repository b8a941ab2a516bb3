import EdgeCore
import EdgeProtocol
import EdgeRuntime
import Prognostics
import Testing

/// Options, environment and defaults; nothing is read from the process itself.
@Suite("Agent configuration")
struct AgentConfigurationTests {
    static let required = [
        "--fleet", "f", "--agent-id", "a", "--data", "/tmp/d", "--public-key", "k.pub",
    ]

    @Test("Defaults are those that the help lists")
    func defaults() throws {
        let configuration = try AgentConfiguration(arguments: Self.required, environment: [:])
        #expect(configuration.brokerHost == "127.0.0.1")
        #expect(configuration.brokerPort == 1883)
        #expect(configuration.queueWorkers == 2)
        #expect(configuration.queueMaxsize == 40)
        #expect(configuration.receiveMaximum == 512)
        #expect(configuration.brokerUser == nil)
        #expect(configuration.budget == DiskBudget(size: 1_024_000_000, whenFull: .stop))
        #expect(configuration.backfillRateMax == 1_000)
        #expect(
            configuration.readingsFilters == [
                "turbofan/v1/f/readings", "turbofan/v1/f/engines/+/readings",
            ])
        for key in ConfigurationKey.all {
            #expect(EdgeCommand.help.contains("--\(key.option) "), "\(key.option) is in the help")
        }
    }

    @Test("An option wins over the environment, the environment over the default")
    func precedence() throws {
        let environment = ["QUEUE_WORKERS": "3", "BROKER_PORT": "1884", "FLEET": "other"]
        let configuration = try AgentConfiguration(
            arguments: Self.required + ["--broker-port=1885"], environment: environment)
        #expect(configuration.queueWorkers == 3)
        #expect(configuration.brokerPort == 1885)
        #expect(configuration.topics.fleet.description == "f")
    }

    @Test("The password is never listed")
    func secret() throws {
        let configuration = try AgentConfiguration(
            arguments: Self.required, environment: ["BROKER_PASSWORD": "hunter2"])
        #expect(configuration.brokerPassword == "hunter2")
        #expect(!configuration.listing.contains { $0.value.contains("hunter2") })
    }

    struct Refused: CustomTestStringConvertible {
        let testDescription: String
        let arguments: [String]
        let error: ConfigurationError
    }

    @Test(
        "A wrong setting is refused with what was seen and expected",
        arguments: [
            Refused(
                testDescription: "unknown option", arguments: ["--flet", "f"],
                error: .unknownOption("--flet")),
            Refused(
                testDescription: "no value", arguments: ["--fleet"], error: .missingValue("fleet")),
            Refused(
                testDescription: "no fleet", arguments: ["--agent-id", "a"],
                error: .missing(option: "agent-id", environmentName: "")),
            Refused(
                testDescription: "port 0", arguments: required + ["--broker-port", "0"],
                error: .invalid(
                    option: "broker-port", value: "0", expected: "a whole number of 1 to 65535")),
            Refused(
                testDescription: "queue of 4097",
                arguments: required + ["--queue-maxsize", "4097"],
                error: .invalid(
                    option: "queue-maxsize", value: "4097",
                    expected: "a whole number of 1 to 4096")),
            Refused(
                testDescription: "budget of 63 MB",
                arguments: required + ["--disk-budget", "63"],
                error: .invalid(
                    option: "disk-budget", value: "63",
                    expected: "a whole number of 64 to 1000000")),
            Refused(
                testDescription: "full log that drops", arguments: required + ["--log-full=drop"],
                error: .invalid(
                    option: "log-full", value: "drop",
                    expected: "stop or release-oldest-counted")),
            Refused(
                testDescription: "agent with a slash",
                arguments: required + ["--agent-id", "a/b"],
                error: .invalid(
                    option: "agent-id", value: "a/b", expected: "[A-Za-z0-9._-]{1,64}")),
        ])
    func refusals(_ refused: Refused) {
        let error = #expect(throws: ConfigurationError.self) {
            try AgentConfiguration(arguments: refused.arguments, environment: [:])
        }
        if case .missing = refused.error {
            #expect(error == .missing(option: "fleet", environmentName: "FLEET"))
        } else {
            #expect(error == refused.error)
        }
    }

    @Test("Readings filters are kept in their order, below the fleet's topics")
    func readingsFilters() throws {
        let configuration = try AgentConfiguration(
            arguments: Self.required,
            environment: ["READINGS_FILTER": "engines/7/readings,readings"])
        #expect(
            configuration.readingsFilters == [
                "turbofan/v1/f/engines/7/readings", "turbofan/v1/f/readings",
            ])
    }

    @Test(
        "A filter that takes in anything but readings is refused: it would quarantine the rest",
        arguments: [
            ",", "readings,", " readings", "#", "+", "engines/#", "engines/+/predictions",
            "engines//readings", "engines/+/+", "a/#/b", "readings/", "agents/+/health",
        ])
    func refusedFilter(_ filter: String) {
        let error = #expect(throws: ConfigurationError.self) {
            try AgentConfiguration(
                arguments: Self.required, environment: ["READINGS_FILTER": filter])
        }
        guard case .invalid("readings-filter", filter, _) = error else {
            Issue.record("'\(filter)' gave \(error.map { "\($0)" } ?? "nothing")")
            return
        }
    }
}
