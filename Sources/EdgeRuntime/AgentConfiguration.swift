package import EdgeCore
package import EdgeProtocol
package import Prognostics

/// Everything that is set from outside: read once, refused early, printed by `check`.
package struct AgentConfiguration: Equatable, Sendable {
    package let brokerHost: String
    package let brokerPort: Int32
    package let brokerUser: String?
    package let brokerPassword: String?
    package let agent: UnitIdentifier
    package let topics: Topics
    /// Topic filters of the readings, whole.
    package let readingsFilters: [String]
    /// Topic filters of the events of the same engines, whole.
    package let eventsFilters: [String]
    /// Folder of the device store.
    package let dataFolder: String
    package let publicKeyFile: String
    package let queueWorkers: Int
    package let queueMaxsize: Int
    package let receiveMaximum: UInt16
    package let keepAliveSeconds: Int32
    package let residentUnitsMax: Int
    package let budget: DiskBudget
    /// Belated predictions published in one second.
    package let backfillRateMax: Int
    package let logLevel: String
    /// Every key with its value, secrets hidden, in the order of ``ConfigurationKey/all``.
    package let listing: [(key: ConfigurationKey, value: String)]

    package static func == (lhs: Self, rhs: Self) -> Bool {
        lhs.listing.elementsEqual(rhs.listing) {
            $0.key.option == $1.key.option && $0.value == $1.value
        }
    }

    /// Reads options, then the environment, then defaults.
    /// - Parameters:
    ///   - arguments: What follows the subcommand: `--key value` or `--key=value`.
    ///   - environment: The environment of the process.
    /// - Throws: The first setting that is missing or wrong.
    package init(
        arguments: [String], environment: [String: String]
    ) throws(ConfigurationError) {
        let values = try Values(options: Self.options(arguments), environment: environment)
        brokerHost = try values.text(.brokerHost)
        brokerPort = Int32(try values.number(.brokerPort, in: 1...65_535))
        let user = values.optional(.brokerUser)
        let password = values.optional(.brokerPassword)
        brokerUser = user.isEmpty ? nil : user
        brokerPassword = password.isEmpty ? nil : password
        agent = try values.identifier(.agentID)
        let fleet = try values.identifier(.fleet)
        let prefix = try values.text(.topicPrefix)
        guard let topics = Topics(prefix: prefix, fleet: fleet) else {
            throw .invalid(
                option: ConfigurationKey.topicPrefix.option, value: prefix,
                expected: "topic levels of [A-Za-z0-9._-] with single slashes between them")
        }
        self.topics = topics
        readingsFilters = try Self.readingsFilters(values.text(.readingsFilter)).map {
            topics.root + $0
        }
        eventsFilters = Self.eventsFilters(readingsFilters, topics)
        dataFolder = try values.text(.data)
        publicKeyFile = try values.text(.publicKey)
        queueWorkers = try values.number(.queueWorkers, in: 1...16)
        queueMaxsize = try values.number(.queueMaxsize, in: 1...4_096)
        receiveMaximum = UInt16(try values.number(.receiveMaximum, in: 1...65_535))
        keepAliveSeconds = Int32(try values.number(.keepAlive, in: 5...65_535))
        residentUnitsMax = try values.number(.residentUnits, in: 1...1_000_000)
        let megabytes = try values.number(
            .diskBudget, in: Int(DiskBudget.sizeMin / 1_000_000)...1_000_000)
        let full = try values.text(.logFull)
        guard let whenFull = DiskBudget.WhenFull(rawValue: full) else {
            throw .invalid(
                option: ConfigurationKey.logFull.option, value: full,
                expected: "stop or release-oldest-counted")
        }
        budget = DiskBudget(size: Int64(megabytes) * 1_000_000, whenFull: whenFull)
        backfillRateMax = try values.number(.backfillRate, in: 1...100_000)
        logLevel = try values.text(.logLevel)
        guard ["debug", "info", "warning", "error"].contains(logLevel) else {
            throw .invalid(
                option: ConfigurationKey.logLevel.option, value: logLevel,
                expected: "debug, info, warning or error")
        }
        listing = ConfigurationKey.all.map { key in
            let value = values.optional(key)
            return (key: key, value: key.isSecret && !value.isEmpty ? "(hidden)" : value)
        }
    }

    /// Splits the topic filters; one that takes in anything but readings would quarantine it, and
    /// the agent's own messages with it.
    private static func readingsFilters(_ text: String) throws(ConfigurationError) -> [String] {
        let filters = text.split(separator: ",", omittingEmptySubsequences: false)
        for filter in filters where filter != "readings" {
            let levels = filter.split(separator: "/", omittingEmptySubsequences: false)
            guard levels.count == 3, levels[0] == "engines", levels[2] == "readings",
                levels[1] == "+" || UnitIdentifier(String(levels[1])) != nil
            else {
                throw .invalid(
                    option: ConfigurationKey.readingsFilter.option, value: text,
                    expected: "'readings', 'engines/+/readings' or 'engines/{unit}/readings', "
                        + "with commas between them and no blanks")
            }
        }
        return filters.map { String($0) }
    }

    /// The events that belong to the readings: of one engine, or of any.
    private static func eventsFilters(_ readings: [String], _ topics: Topics) -> [String] {
        let any = topics.root + "engines/+/events"
        let filters = readings.map { filter in
            filter == topics.readings
                ? any : String(filter.dropLast("readings".count)) + "events"
        }
        // Overlapping filters would bring each event twice.
        return filters.contains(any) ? [any] : filters
    }

    private static func options(_ arguments: [String]) throws(ConfigurationError) -> [String:
        String]
    {
        var options: [String: String] = [:]
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            guard argument.hasPrefix("--") else { throw .unknownOption(argument) }
            let parts = argument.dropFirst(2).split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts.first ?? "")
            guard ConfigurationKey.all.contains(where: { $0.option == name }) else {
                throw .unknownOption(argument)
            }
            if parts.count == 2 {
                options[name] = String(parts[1])
            } else {
                guard let value = rest.popFirst() else { throw .missingValue(name) }
                options[name] = value
            }
        }
        return options
    }

    /// The values of all keys, each from the first source that has it.
    private struct Values {
        let options: [String: String]
        let environment: [String: String]

        func optional(_ key: ConfigurationKey) -> String {
            options[key.option] ?? environment[key.environmentName] ?? key.defaultValue ?? ""
        }

        func text(_ key: ConfigurationKey) throws(ConfigurationError) -> String {
            let value = optional(key)
            guard !value.isEmpty else {
                throw .missing(option: key.option, environmentName: key.environmentName)
            }
            return value
        }

        func number(
            _ key: ConfigurationKey, in range: ClosedRange<Int>
        ) throws(ConfigurationError) -> Int {
            let value = try text(key)
            guard let number = Int(value), range.contains(number) else {
                throw .invalid(
                    option: key.option, value: value,
                    expected: "a whole number of \(range.lowerBound) to \(range.upperBound)")
            }
            return number
        }

        func identifier(_ key: ConfigurationKey) throws(ConfigurationError) -> UnitIdentifier {
            let value = try text(key)
            guard let identifier = UnitIdentifier(value) else {
                throw .invalid(
                    option: key.option, value: value, expected: "[A-Za-z0-9._-]{1,64}")
            }
            return identifier
        }
    }
}
