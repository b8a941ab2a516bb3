import Drift
package import Prognostics

/// The topic names of one fleet: `{prefix}/{fleet}/…`.
package struct Topics: Equatable, Sendable {
    /// The default prefix of every topic.
    package static let defaultPrefix = "turbofan/v1"

    /// Fleet: one engine type with one promoted model.
    package let fleet: UnitIdentifier
    /// Prefix and fleet, with the slash that ends them.
    package let root: String

    /// Creates the names; `nil` if the prefix is empty, has wildcards, or starts or ends with `/`.
    package init?(prefix: String = Self.defaultPrefix, fleet: UnitIdentifier) {
        guard !prefix.isEmpty, prefix.utf8.count <= 128, !prefix.hasPrefix("/"),
            !prefix.hasSuffix("/"),
            prefix.utf8.allSatisfy({ UnitIdentifier.isAllowed($0) || $0 == UInt8(ascii: "/") })
        else { return nil }
        self.fleet = fleet
        root = "\(prefix)/\(fleet)/"
    }

    /// Rows that name their unit: `mosquitto_pub -l` streams a file here.
    package var readings: String { root + "readings" }
    /// Topic filter of the readings of every unit.
    package var unitReadingsFilter: String { root + "engines/+/readings" }
    /// Readings of one unit.
    package func readings(of unit: UnitIdentifier) -> String { "\(root)engines/\(unit)/readings" }
    /// Events of one unit.
    package func events(of unit: UnitIdentifier) -> String { "\(root)engines/\(unit)/events" }
    /// Predictions for one unit.
    package func predictions(of unit: UnitIdentifier) -> String {
        "\(root)engines/\(unit)/predictions"
    }
    /// Topic filter of the predictions for every unit.
    package var predictionsFilter: String { root + "engines/+/predictions" }

    /// Online or offline, retained, with a Last Will.
    package func status(of agent: UnitIdentifier) -> String { "\(root)agents/\(agent)/status" }
    /// Topic filter of every agent's status.
    package var statusFilter: String { root + "agents/+/status" }
    /// Accounting, queue and disk, retained.
    package func health(of agent: UnitIdentifier) -> String { "\(root)agents/\(agent)/health" }
    /// What the readings of the newest stretches of an agent's log looked like, retained by slot.
    package func sketch(_ slot: Int, of agent: UnitIdentifier) -> String {
        "\(root)agents/\(agent)/sketches/\(slot)"
    }
    /// Topic filter of every agent's sketches.
    package var sketchesFilter: String { root + "agents/+/sketches/+" }
    /// Topic filter of every agent's health.
    package var healthFilter: String { root + "agents/+/health" }
    /// Topic filter of every agent's word on its model.
    package var modelFilter: String { root + "agents/+/model" }
    /// Target and reported model, retained.
    package func model(of agent: UnitIdentifier) -> String { "\(root)agents/\(agent)/model" }
    /// Requests for log pages.
    package func logRequests(to agent: UnitIdentifier) -> String {
        "\(root)agents/\(agent)/logs/request"
    }
    /// Answers to one puller's log requests.
    package func logResponses(of agent: UnitIdentifier, to puller: String) -> String {
        "\(root)agents/\(agent)/logs/response/\(puller)"
    }

    /// Whether log pages may be sent to `topic`: a plain name that none of our readers listens to.
    package func isResponse(_ topic: String) -> Bool {
        (1...ProtocolLimits.responseTopicSizeMax).contains(topic.utf8.count)
            && !topic.utf8.contains { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "#") }
            && route(topic) == nil
    }

    /// The signed offer of the promoted model, retained.
    package var selectedModel: String { root + "models/selected" }
    /// The signed offer of a rollout's candidate to the agents that it has reached, retained.
    package var candidateModel: String { root + "models/candidate" }
    /// Where offers come: the promoted model's for everybody, a rollout's for some.
    package var offers: [String] { [selectedModel, candidateModel] }
    /// One block of a bundle, retained.
    package func block(_ index: Int, of bundle: Digest) -> String {
        "\(root)models/\(bundle)/blocks/\(index)"
    }
    /// Topic filter of all blocks of all bundles.
    package var blocksFilter: String { root + "models/+/blocks/+" }
    /// Topic filter of all blocks of one bundle.
    package func blocksFilter(of bundle: Digest) -> String { "\(root)models/\(bundle)/blocks/+" }

    /// Announces a new training data set by claim check.
    package var trainingData: String { root + "pipeline/training-data" }
    /// Announces the end of a training run.
    package var modelTraining: String { root + "pipeline/model-training" }
}

extension Topics {
    /// What a topic name says about the message that arrived on it.
    package enum Route: Equatable, Sendable {
        /// A row that names its unit.
        case readings
        /// A row or JSON object of `unit`.
        case unitReadings(UnitIdentifier)
        /// An event of `unit`.
        case unitEvents(UnitIdentifier)
        case selectedModel
        case candidateModel
        case block(bundle: Digest, index: Int)
        case logRequest(agent: UnitIdentifier)
        case status(agent: UnitIdentifier)
        case sketch(agent: UnitIdentifier, slot: Int)
        case predictions(UnitIdentifier)
    }

    /// Reads a topic name; `nil` if none of ours has this form.
    package func route(_ topic: String) -> Route? {
        // Bytes, as the broker compares them: to a text the Kelvin sign is a K.
        guard topic.utf8.starts(with: root.utf8) else { return nil }
        if topic.utf8.count == root.utf8.count + 8, topic.hasSuffix("readings") {
            return .readings
        }
        let levels = topic.utf8.dropFirst(root.utf8.count).split(
            separator: UInt8(ascii: "/"), omittingEmptySubsequences: false
        ).map { String(Substring($0)) }
        switch (levels.first, levels.count) {
        case ("engines", 3):
            guard let unit = UnitIdentifier(levels[1]) else { return nil }
            switch levels[2] {
            case "readings": return .unitReadings(unit)
            case "events": return .unitEvents(unit)
            case "predictions": return .predictions(unit)
            default: return nil
            }
        case ("models", 2):
            switch levels[1] {
            case "selected": return .selectedModel
            case "candidate": return .candidateModel
            default: return nil
            }
        case ("models", 4):
            guard levels[2] == "blocks", let bundle = Digest(hex: levels[1]),
                let index = Int(levels[3]), (0..<ProtocolLimits.blockCountMax).contains(index),
                levels[3] == String(index)
            else { return nil }
            return .block(bundle: bundle, index: index)
        case ("agents", 3):
            guard levels[2] == "status", let agent = UnitIdentifier(levels[1]) else { return nil }
            return .status(agent: agent)
        case ("agents", 4):
            guard let agent = UnitIdentifier(levels[1]) else { return nil }
            if levels[2] == "logs", levels[3] == "request" { return .logRequest(agent: agent) }
            guard levels[2] == "sketches", let slot = Int(levels[3]), levels[3] == String(slot),
                (0..<SketchWindows.windowCountMax).contains(slot)
            else { return nil }
            return .sketch(agent: agent, slot: slot)
        default: return nil
        }
    }
}
