/// One setting of the agent: a long option, the environment key of the same name, and its meaning.
package struct ConfigurationKey: Sendable {
    /// The option without its dashes, such as `broker-host`.
    package let option: String
    /// What the value is, with unit and range.
    package let meaning: String
    /// `nil` for a key that must be given.
    package let defaultValue: String?
    /// Whether `check` hides the value.
    package let isSecret: Bool

    /// The key in the environment: `BROKER_HOST` for `--broker-host`.
    package var environmentName: String {
        String(option.map { $0 == "-" ? "_" : Character($0.uppercased()) })
    }

    private init(
        _ option: String, _ meaning: String, default defaultValue: String? = nil,
        isSecret: Bool = false
    ) {
        self.option = option
        self.meaning = meaning
        self.defaultValue = defaultValue
        self.isSecret = isSecret
    }

    static let brokerHost = Self(
        "broker-host", "name or address of the broker", default: "127.0.0.1")
    static let brokerPort = Self("broker-port", "TCP port, 1 to 65535", default: "1883")
    static let brokerUser = Self(
        "broker-user", "user name at the broker; empty for none", default: "")
    static let brokerPassword = Self(
        "broker-password", "password at the broker; empty for none", default: "", isSecret: true)
    static let fleet = Self("fleet", "fleet to serve, [A-Za-z0-9._-]{1,64}")
    static let agentID = Self("agent-id", "name of this agent, [A-Za-z0-9._-]{1,64}")
    static let data = Self("data", "folder of the device store; created if missing")
    static let publicKey = Self("public-key", "file of up to 4 keys that may sign models")
    static let topicPrefix = Self(
        "topic-prefix", "levels before the fleet in every topic", default: "turbofan/v1")
    static let readingsFilter = Self(
        "readings-filter",
        "topic filters of the readings to ingest, below {prefix}/{fleet}/, separated by commas",
        default: "readings,engines/+/readings")
    static let queueWorkers = Self("queue-workers", "worker threads, 1 to 16", default: "2")
    static let queueMaxsize = Self(
        "queue-maxsize", "windows that may wait for a worker, 1 to 4096", default: "40")
    static let receiveMaximum = Self(
        "receive-maximum", "readings unacknowledged at once, 1 to 65535", default: "512")
    static let keepAlive = Self(
        "keep-alive", "MQTT keep-alive in seconds, 5 to 65535", default: "60")
    static let residentUnits = Self(
        "resident-units", "units kept in memory, 1 to 1000000", default: "4096")
    static let diskBudget = Self(
        "disk-budget", "MB that the device store may take in all, 64 to 1000000",
        default: "1024")
    static let logFull = Self(
        "log-full", "what a full store does: stop or release-oldest-counted", default: "stop")
    static let backfillRate = Self(
        "backfill-rate", "belated predictions published in one second, 1 to 100000",
        default: "1000")
    static let logLevel = Self("log-level", "debug, info, warning or error", default: "info")

    /// Every key, in the order in which help and `check` list them.
    package static let all = [
        brokerHost, brokerPort, brokerUser, brokerPassword, fleet, agentID, data, publicKey,
        topicPrefix, readingsFilter, queueWorkers, queueMaxsize, receiveMaximum, keepAlive,
        residentUnits, diskBudget, logFull, backfillRate, logLevel,
    ]
}

/// A setting that is missing or wrong.
package enum ConfigurationError: Error, Equatable, CustomStringConvertible {
    case unknownOption(String)
    case missingValue(String)
    case missing(option: String, environmentName: String)
    case invalid(option: String, value: String, expected: String)

    /// What was seen, against what was expected, then what to do.
    package var description: String {
        switch self {
        case .unknownOption(let option):
            "There is no option '\(option)'. Run 'edge-agent --help' for the list."
        case .missingValue(let option): "Option '--\(option)' needs a value after it."
        case .missing(let option, let name):
            "Neither '--\(option)' nor the environment's \(name) is set. Give one of them."
        case .invalid(let option, let value, let expected):
            "'--\(option)' is '\(value)', expected \(expected)."
        }
    }
}
