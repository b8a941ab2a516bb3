import Prognostics
package import StrictJSON

/// `agents/{agent}/status` as the back office reads it.
package struct AgentStatus: Equatable, Sendable {
    /// What an agent says of its presence.
    package enum Presence: String, Equatable, Sendable {
        case online, connecting, offline
    }

    package let presence: Presence
    /// The program's version.
    package let version: String
    /// The device store, while the agent is there.
    package let storeID: String?

    package init(presence: Presence, version: String, storeID: String?) {
        self.presence = presence
        self.version = version
        self.storeID = storeID
    }

    /// Reads a retained message that anybody may have written.
    package init(payload: [UInt8]) throws(JSONError) {
        let reader = try JSONReader(parsing: payload, limits: .standard)
        guard let presence = Presence(rawValue: try reader.string("status")) else {
            throw try reader.wrong("status", "online, connecting or offline")
        }
        self.presence = presence
        version = try reader.string("version")
        storeID = reader.has("store_id") ? try reader.string("store_id") : nil
    }
}

/// The part of `agents/{agent}/health` that the fleet's view and its rollouts read.
package struct AgentHealth: Equatable, Sendable {
    /// Whether something is wrong that the agent cannot mend by itself.
    package var isDegraded: Bool { !degradations.isEmpty }
    /// Why it is DEGRADED, a sentence part each; empty while it is OK.
    package let degradations: [String]
    package let received: Int64
    package let scored: Int64
    package let quarantined: Int64
    /// The run that scores; nil without a model.
    package let runID: String?
    /// Bytes of the disk budget in use, and all of them.
    package let diskUsed: Int64
    package let diskBudget: Int64
    /// Days until nothing more is accepted; nil without growth so far.
    package let daysToFull: Int64?
    /// The newest entry of the log; nil from an agent that does not tell.
    package let logSequence: Int64?

    /// Reads a retained message that anybody may have written.
    package init(payload: [UInt8]) throws(JSONError) {
        let reader = try JSONReader(parsing: payload, limits: .standard)
        let disk = try reader.object("disk")
        var reasons: [String] = []
        let salvages = try reader.array("salvages").count
        if salvages > 0 { reasons.append("\(salvages) damaged store(s) set aside") }
        if try disk.bool("full") { reasons.append("its disk budget is used up") }
        if try !disk.bool("ballast") { reasons.append("no reserve on its disk") }
        let condition = try reader.string("condition")
        if condition != "OK", reasons.isEmpty { reasons.append("it says \(condition.prefix(64))") }
        degradations = condition == "OK" ? [] : reasons
        received = try reader.integer("received", in: 0...Int64.max)
        scored = try reader.integer("scored", in: 0...Int64.max)
        quarantined = try reader.integer("quarantined", in: 0...Int64.max)
        let run = try reader.string("run_id")
        runID = run == "none" ? nil : run
        diskUsed = try disk.integer("used")
        diskBudget = try disk.integer("budget")
        daysToFull = try disk.value("days_to_full") == .null ? nil : disk.integer("days_to_full")
        logSequence = reader.has("log_sequence") ? try reader.integer("log_sequence") : nil
    }
}

extension ModelReport {
    /// Reads a retained message that anybody may have written.
    package init(payload: [UInt8]) throws(JSONError) {
        let reader = try JSONReader(parsing: payload, limits: .standard)
        guard let state = State(rawValue: try reader.string("state")) else {
            throw try reader.wrong("state", "a state of the model delivery")
        }
        self.init(state: state)
        let (target, reported) = (try reader.object("target"), try reader.object("reported"))
        targetRunID = try Self.text("run_id", in: target)
        targetDigest = try Self.digest(in: target)
        targetCounter = try target.value("counter") == .null ? nil : target.integer("counter")
        reportedRunID = try Self.text("run_id", in: reported)
        reportedDigest = try Self.digest(in: reported)
        onProbation = try reader.bool("probation")
        reason = try Self.text("reason", in: reader)
        missingBlocks = try reader.array("missing_blocks").compactMap { block in
            guard case .number(let number) = block else { return nil }
            return number.integer.flatMap { Int(exactly: $0) }
        }
    }

    private static func text(_ key: String, in reader: JSONReader) throws(JSONError) -> String? {
        try reader.value(key) == .null ? nil : reader.string(key)
    }

    private static func digest(in reader: JSONReader) throws(JSONError) -> Digest? {
        guard let text = try text("digest", in: reader) else { return nil }
        guard let digest = Digest(hex: text) else {
            throw try reader.wrong("digest", "64 hexadecimal digits")
        }
        return digest
    }
}
