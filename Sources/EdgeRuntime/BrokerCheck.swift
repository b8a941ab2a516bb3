import EdgeProtocol
package import Mosquitto
import Prognostics
import StrictJSON

/// What `check` says about the broker: its limits, its queue for absent clients, other agents.
///
/// Everything it makes there goes again: a session of its own and messages on a topic of its own.
package struct BrokerCheck {
    /// Messages sent to an absent client: more than mosquitto's default queue of 1,000 holds.
    static let probeCount = 1_200
    /// Bytes of each: a row has about 200.
    static let probeSize = 256
    /// Bytes of the largest log page.
    static let pageSize = ProtocolLimits.pageSizeMax
    /// Readings looked at for whether the broker kept them.
    private static let retainedCountMax = 10_000
    /// Seconds that a session should be kept at least while its agent is away: a week.
    private static let sessionSeconds: UInt32 = 604_800
    private static let timeoutSeconds = 10.0

    private let configuration: AgentConfiguration
    private var probeTopic: String {
        "\(configuration.topics.root)agents/\(configuration.agent)/check"
    }

    package init(_ configuration: AgentConfiguration) { self.configuration = configuration }

    /// Asks the broker; throws when it cannot be reached.
    package func run() throws(MosquittoError) -> [CheckFinding] {
        let session = try MosquittoSession(
            configuration.checkConnection, timeoutSeconds: Self.timeoutSeconds)
        let address = "\(configuration.brokerHost):\(configuration.brokerPort)"
        var findings = [CheckFinding.fine("broker.address", "broker \(address) accepts us")]
        findings += system(session)
        findings += others(session)
        findings.append(size(session))
        session.disconnect()
        findings.append(retained())
        var absent = configuration.checkConnection
        absent.clientIdentifier += "-absent"
        absent.sessionExpirySeconds = Self.sessionSeconds
        absent.receiveMaximum = 1_000
        // Limits of a session that shall outlive its connection, as that of the agent.
        let kept = try MosquittoSession(absent, timeoutSeconds: Self.timeoutSeconds)
        findings += Self.limits(kept.brokerLimits)
        findings.append(queue(absent, kept))
        return findings
    }

    /// What the broker's own words leave to be desired.
    package static func limits(_ limits: BrokerLimits) -> [CheckFinding] {
        var findings: [CheckFinding] = []
        if let size = limits.maximumPacketSize, size < ProtocolLimits.packetSizeMax {
            findings.append(
                .warning(
                    "broker.packet_size", seen: "the broker takes packets of \(size) bytes",
                    expected: "\(ProtocolLimits.packetSizeMax) bytes, for log pages",
                    change: "Raise max_packet_size."))
        }
        if !limits.retainAvailable {
            findings.append(
                .warning(
                    "broker.retain",
                    seen: "the broker keeps no retained messages: no model would arrive",
                    expected: "retained messages", change: "Set retain_available true."))
        }
        if limits.maximumQoS < 1 {
            findings.append(
                .warning(
                    "broker.qos", seen: "the broker takes QoS 0 only: readings may be lost",
                    expected: "QoS 1", change: "Raise max_qos."))
        }
        if limits.receiveMaximum < 20 {
            findings.append(
                .warning(
                    "broker.inflight",
                    seen: "the broker takes \(limits.receiveMaximum) unacknowledged messages of a "
                        + "client at once", expected: "at least 20",
                    change: "Raise max_inflight_messages."))
        }
        if let seconds = limits.sessionExpirySeconds, seconds < sessionSeconds {
            findings.append(
                .warning(
                    "broker.session_expiry",
                    seen: "the broker forgets a session after \(seconds) s, and the readings that "
                        + "wait in it", expected: "at least \(sessionSeconds) s",
                    change: "Raise its limit on session expiry."))
        }
        return findings.isEmpty ? [.fine("broker.limits", "its limits suffice")] : findings
    }

    // MARK: What the broker says about itself

    /// What mosquitto publishes under $SYS, where it lets us read that.
    private func system(_ session: MosquittoSession) -> [CheckFinding] {
        let topics = ["version", "publish/messages/dropped"].map { "$SYS/broker/" + $0 }
        var values: [String: String] = [:]
        do throws(MosquittoError) {
            for topic in topics {
                try session.subscribe(topic, qos: 0, timeoutSeconds: Self.timeoutSeconds)
            }
            while values.count < topics.count,
                let message = try session.nextMessage(timeoutSeconds: 0.5)
            {
                values[message.topic] = String(decoding: message.payload.prefix(80), as: UTF8.self)
            }
        } catch {
            return [.note("broker.system", "the broker's $SYS topics cannot be read: \(error)")]
        }
        guard !values.isEmpty else {
            return [.note("broker.system", "the broker shows no $SYS topics")]
        }
        var findings: [CheckFinding] = []
        if let version = values[topics[0]] {
            findings.append(.note("broker.version", "the broker is \(version)"))
        }
        if let text = values[topics[1]], let count = Int64(text), count > 0 {
            findings.append(
                .note(
                    "broker.dropped",
                    "the broker has dropped \(count) messages of all its clients since it started",
                    change: "If that goes on, see to max_queued_messages and max_queued_bytes."))
        }
        return findings
    }

    /// Readings that the broker keeps and sends again at each subscription.
    private func retained() -> CheckFinding {
        let subject = "readings.retained"
        var topics: Set<String> = []
        do throws(MosquittoError) {
            let session = try MosquittoSession(
                configuration.checkConnection, timeoutSeconds: Self.timeoutSeconds)
            for filter in configuration.readingsFilters {
                try session.subscribe(filter, qos: 0, timeoutSeconds: Self.timeoutSeconds)
            }
            var count = 0
            while count < Self.retainedCountMax,
                let message = try session.nextMessage(timeoutSeconds: 0.5)
            {
                count += 1
                if message.isRetained { topics.insert(message.topic) }
            }
            session.disconnect()
        } catch {
            return .warning(
                subject, seen: "the readings cannot be subscribed to: \(error)",
                expected: "read access to \(configuration.readingsFilters.joined(separator: ", "))",
                change: "Grant it to this agent.")
        }
        guard let first = topics.min() else {
            return .fine(subject, "no reading is kept as a retained message")
        }
        return .warning(
            subject,
            seen: "the broker keeps readings of \(topics.count) topic(s), such as \(first), and "
                + "sends them again whenever an agent connects", expected: "none",
            change:
                "Publish readings without the retain flag, and clear these by an empty retained "
                + "message.")
    }

    // MARK: Other agents

    /// Agents that are there and take in some of the same readings.
    private func others(_ session: MosquittoSession) -> [CheckFinding] {
        var findings: [CheckFinding] = []
        do throws(MosquittoError) {
            try session.subscribe(
                configuration.topics.statusFilter, qos: 1, timeoutSeconds: Self.timeoutSeconds)
            while let message = try session.nextMessage(timeoutSeconds: 0.5) {
                guard let reader = try? JSONReader(parsing: message.payload),
                    let name = try? reader.string("agent"),
                    name != configuration.agent.description,
                    let filters = try? reader.array("readings_filters")
                else { continue }
                let theirs = filters.compactMap { filter -> String? in
                    if case .string(let text) = filter { text } else { nil }
                }
                guard let (ours, other) = Self.overlap(configuration.readingsFilters, theirs)
                else { continue }
                findings.append(
                    .warning(
                        "agents.overlap",
                        seen: "agent \(name) takes in '\(other)', this one '\(ours)': both would "
                            + "apply the same readings", expected: "filters without overlap",
                        change: "Give each a READINGS_FILTER of its own."))
            }
        } catch {
            return [.note("agents.overlap", "other agents cannot be seen: \(error)")]
        }
        return findings.isEmpty
            ? [.fine("agents.overlap", "no other agent here takes in its readings")] : findings
    }

    /// The first two filters that match a topic in common.
    package static func overlap(
        _ ours: [String], _ theirs: [String]
    ) -> (ours: String, theirs: String)? {
        for one in ours {
            for other in theirs where matchInCommon(one, other) { return (one, other) }
        }
        return nil
    }

    private static func matchInCommon(_ one: String, _ other: String) -> Bool {
        let left = one.split(separator: "/", omittingEmptySubsequences: false)
        let right = other.split(separator: "/", omittingEmptySubsequences: false)
        for (first, second) in zip(left, right) {
            if first == "#" || second == "#" { return true }
            guard first == second || first == "+" || second == "+" else { return false }
        }
        return left.count == right.count
    }

    // MARK: Probes

    private func size(_ session: MosquittoSession) -> CheckFinding {
        do throws(MosquittoError) {
            try session.publish(
                topic: probeTopic, payload: [UInt8](repeating: 0, count: Self.pageSize),
                retain: false, timeoutSeconds: Self.timeoutSeconds)
            return .fine("broker.message_size", "it takes messages of \(Self.pageSize) bytes")
        } catch {
            return .warning(
                "broker.message_size",
                seen: "a message of \(Self.pageSize) bytes on \(probeTopic) was refused "
                    + "(\(error))", expected: "\(Self.pageSize) bytes, for log pages",
                change: "Raise message_size_limit, or grant write access there.")
        }
    }

    /// Sends a client that is away more than a default queue holds, and counts what it gets.
    private func queue(
        _ configuration: MosquittoConfiguration, _ before: MosquittoSession
    ) -> CheckFinding {
        let subject = "broker.queue"
        var absent = configuration
        do throws(MosquittoError) {
            try before.subscribe(probeTopic, qos: 1, timeoutSeconds: Self.timeoutSeconds)
            before.disconnect()
            let sender = try MosquittoSession(
                self.configuration.checkConnection, timeoutSeconds: Self.timeoutSeconds)
            for _ in 0..<Self.probeCount {
                try sender.enqueue(
                    topic: probeTopic, payload: [UInt8](repeating: 0, count: Self.probeSize),
                    retain: false)
            }
            try sender.flush(timeoutSeconds: Self.timeoutSeconds)
            sender.disconnect()
            absent.cleanStart = false
            let after = try MosquittoSession(absent, timeoutSeconds: Self.timeoutSeconds)
            var count = 0
            while try after.nextMessage(timeoutSeconds: 1) != nil { count += 1 }
            after.disconnect()
            // A clean start without expiry takes the session away.
            absent.cleanStart = true
            absent.sessionExpirySeconds = 0
            try MosquittoSession(absent, timeoutSeconds: Self.timeoutSeconds).disconnect()
            guard count >= Self.probeCount else {
                return .warning(
                    subject,
                    seen: "the broker kept \(count) of \(Self.probeCount) messages of "
                        + "\(Self.probeSize) bytes for an absent client, and dropped the rest",
                    expected: "all of them",
                    change: "Set max_queued_messages 0 and max_queued_bytes 0.")
            }
            return .fine(
                subject, "it keeps \(Self.probeCount) messages for a client that is away")
        } catch {
            return .note(
                subject, "the broker's queue cannot be probed on \(probeTopic): \(error)")
        }
    }
}
