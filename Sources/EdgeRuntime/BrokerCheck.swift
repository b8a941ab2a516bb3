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
    /// Bytes of the largest log page.
    static let probeSize = ProtocolLimits.pageSizeMax
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
        var findings = [CheckFinding.fine("broker \(address) accepts us")]
        findings += Self.limits(session.brokerLimits)
        findings += others(session)
        findings.append(size(session))
        session.disconnect()
        findings.append(queue())
        findings.append(
            .note(
                "whether the broker keeps its state over a restart cannot be seen from here: set "
                    + "persistence true and a short autosave_interval"))
        return findings
    }

    /// What the broker's own words leave to be desired.
    package static func limits(_ limits: BrokerLimits) -> [CheckFinding] {
        var findings: [CheckFinding] = []
        if let size = limits.maximumPacketSize, size < ProtocolLimits.packetSizeMax {
            findings.append(
                .warning(
                    "the broker takes packets of \(size) bytes, log pages need "
                        + "\(ProtocolLimits.packetSizeMax). Raise max_packet_size."))
        }
        if !limits.retainAvailable {
            findings.append(
                .warning(
                    "the broker keeps no retained messages: no model would arrive. Set "
                        + "retain_available true."))
        }
        if limits.maximumQoS < 1 {
            findings.append(
                .warning("the broker takes QoS 0 only: readings may be lost. Raise max_qos."))
        }
        if limits.receiveMaximum < 20 {
            findings.append(
                .warning(
                    "the broker lets us send \(limits.receiveMaximum) messages at once. Raise "
                        + "max_inflight_messages."))
        }
        return findings.isEmpty ? [.fine("its limits suffice")] : findings
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
                        "agent \(name) takes in '\(other)', this one '\(ours)': both would apply "
                            + "the same readings. Give each a READINGS_FILTER of its own."))
            }
        } catch {
            return [.note("other agents cannot be seen: \(error)")]
        }
        return findings.isEmpty ? [.fine("no other agent here takes in its readings")] : findings
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
                topic: probeTopic, payload: [UInt8](repeating: 0, count: Self.probeSize),
                retain: false, timeoutSeconds: Self.timeoutSeconds)
            return .fine("it takes messages of \(Self.probeSize) bytes")
        } catch {
            return .warning(
                "a message of \(Self.probeSize) bytes on \(probeTopic) was refused (\(error)). "
                    + "Raise message_size_limit, or grant write access there.")
        }
    }

    /// Sends a client that is away more than a default queue holds, and counts what it gets.
    private func queue() -> CheckFinding {
        var absent = configuration.checkConnection
        absent.clientIdentifier += "-absent"
        absent.sessionExpirySeconds = 60
        absent.receiveMaximum = 1_000
        do throws(MosquittoError) {
            let before = try MosquittoSession(absent, timeoutSeconds: Self.timeoutSeconds)
            try before.subscribe(probeTopic, qos: 1, timeoutSeconds: Self.timeoutSeconds)
            before.disconnect()
            let sender = try MosquittoSession(
                configuration.checkConnection, timeoutSeconds: Self.timeoutSeconds)
            for _ in 0..<Self.probeCount {
                try sender.enqueue(topic: probeTopic, payload: [0], retain: false)
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
                    "the broker kept \(count) of \(Self.probeCount) messages for a client that "
                        + "was away, and dropped the rest. Set max_queued_messages 0.")
            }
            return .fine("it keeps \(Self.probeCount) messages for a client that is away")
        } catch {
            return .note("the broker's queue cannot be probed on \(probeTopic): \(error)")
        }
    }
}
