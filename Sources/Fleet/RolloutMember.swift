import EdgeProtocol
import Prognostics

/// An agent that a rollout has reached: what it has said of the candidate so far.
package struct RolloutMember: Equatable, Sendable {
    /// Longest reason that is kept, in characters.
    static let reasonLengthMax = 400

    /// When it was first seen to be reached, which starts its time; milliseconds since 1970.
    package internal(set) var sinceMillis: Int64
    /// It was DEGRADED before the candidate came.
    let wasDegraded: Bool
    /// When it was first seen to run the candidate.
    package internal(set) var servedMillis: Int64?
    /// Since when it is not online.
    package internal(set) var silentMillis: Int64?
    /// Why it failed; it stays failed whatever it says later.
    package internal(set) var failure: String?
    /// An operator has gone on in spite of the failure.
    package internal(set) var isExcused = false
    /// Predictions by the candidate in the running stage, as far as they were seen to grow.
    package internal(set) var predictions: Int64 = 0
    /// The health message's counter when it was seen last with the candidate at work.
    var scoredSeen: Int64?

    init(sinceMillis: Int64, wasDegraded: Bool) {
        self.sinceMillis = sinceMillis
        self.wasDegraded = wasDegraded
    }

    /// Whether it runs the candidate.
    package var isServing: Bool { servedMillis != nil && failure == nil }
    /// Whether it is still to be waited for.
    package var isPending: Bool { servedMillis == nil && failure == nil }

    /// Whether it got the candidate and is not heard of, though not for long enough to fail.
    package var isMissed: Bool { silentMillis != nil && failure == nil }

    /// Takes the agent's word; nil when the broker holds none of it.
    mutating func observe(
        _ agent: FleetAgent?, runID: String, digest: Digest, nowMillis: Int64, reportMillis: Int64
    ) {
        if agent?.isOnline == true {
            silentMillis = nil
        } else if silentMillis == nil {
            silentMillis = nowMillis
        }
        if let model = agent?.model { observe(model, digest, nowMillis) }
        if let health = agent?.health { observe(health, runID) }
        if let silentMillis, nowMillis - silentMillis > reportMillis {
            fail("It has been silent for \((nowMillis - silentMillis) / 1_000) s.")
        }
        if isPending, nowMillis - sinceMillis > reportMillis {
            let model = agent?.model
            fail(
                "It does not run the candidate after \((nowMillis - sinceMillis) / 1_000) s, its "
                    + "state is \(model?.state.rawValue ?? "unknown"). \(model?.reason ?? "")")
        }
    }

    private mutating func observe(_ model: ModelReport, _ digest: Digest, _ nowMillis: Int64) {
        let isRefused = model.state == .held || model.state == .refused
        if model.targetDigest == digest, isRefused {
            let word = model.state == .held ? "Held" : servedMillis == nil ? "Refused" : "Gone back"
            fail("\(word): \(model.reason ?? "it gives no reason.")")
        } else if model.reportedDigest == digest {
            servedMillis = servedMillis ?? nowMillis
        } else if servedMillis != nil {
            fail("It ran the candidate and runs \(model.reportedRunID ?? "nothing") now.")
        }
    }

    private mutating func observe(_ health: AgentHealth, _ runID: String) {
        if health.isDegraded, !wasDegraded {
            fail("DEGRADED: \(health.degradations.joined(separator: ", ")).")
        }
        guard health.runID == runID else { return }
        if let seen = scoredSeen, health.scored > seen { predictions += health.scored - seen }
        scoredSeen = health.scored
    }

    private mutating func fail(_ reason: String) {
        guard failure == nil else { return }
        failure = String(reason.prefix(Self.reasonLengthMax))
    }

    /// Counts no more if it failed; else its time starts anew.
    mutating func excuse(_ nowMillis: Int64) {
        if failure != nil { isExcused = true }
        sinceMillis = nowMillis
        if silentMillis != nil { silentMillis = nowMillis }
    }
}
