import EdgeProtocol
package import Prognostics
package import StrictJSON

/// Who gets a candidate in which order, and what ends the rollout.
package struct RolloutPlan: Equatable, Sendable {
    /// A part of the fleet that gets the candidate at once.
    package enum Stage: Equatable, Sendable {
        case agents([UnitIdentifier])
        /// A share of the fleet, above 0 and below 1.
        case share(Double)
        case all
    }

    /// When a rollout goes on, and when it ends itself.
    package struct Limits: Equatable, Sendable {
        /// Agents that may fail before the rollout halts.
        ///
        /// None: an agent protects itself, so a halt costs a look, and going on costs the next
        /// agents.
        package var failureCountMax = 0
        /// The share of the agents reached that may fail, where that is more.
        ///
        /// In a large fleet some disk is always broken; 1 in 50 keeps a rollout of up to 49 agents
        /// at none.
        package var failureShareMax = 0.02
        /// Seconds that an agent may take to run the candidate, or be silent.
        ///
        /// It asks for missing blocks every five minutes at the least: an hour is a dozen times.
        package var reportSeconds: Int64 = 3_600
        /// Seconds that a stage lasts at least: three times a device's ten minutes of probation.
        package var soakSeconds: Int64 = 1_800
        /// Predictions by the candidate that a stage needs: as many as a device's probation.
        package var predictionCountMin: Int64 = 100

        package init() {}

        /// Agents that may fail of so many reached.
        package func failureCountMax(of count: Int) -> Int {
            max(failureCountMax, Int(failureShareMax * Double(count)))
        }
    }

    /// Most waves: more are a mistake.
    package static let waveCountMax = 20
    /// A first twentieth of the fleet, a quarter, a half.
    package static let standard = (canary: "5%", waves: "25%,50%")

    /// The canary, then the waves, then everybody.
    package let stages: [Stage]
    package let limits: Limits

    /// Reads `5%` or `edge-1,edge-2` as the canary, and growing shares like `25%,50%` as waves.
    package init(
        canary: String, waves: String, limits: Limits = Limits()
    ) throws(RolloutPlanError) {
        let canaryStage: Stage
        if canary.hasSuffix("%") {
            canaryStage = .share(try Self.share(Substring(canary)))
        } else {
            var agents: [UnitIdentifier] = []
            for name in canary.split(separator: ",", omittingEmptySubsequences: false) {
                guard let agent = UnitIdentifier(String(name)), !agents.contains(agent) else {
                    throw .canary(canary)
                }
                agents.append(agent)
            }
            guard agents.count <= ProtocolLimits.audienceCountMax else { throw .canary(canary) }
            canaryStage = .agents(agents)
        }
        let names = waves.split(separator: ",")
        guard names.count <= Self.waveCountMax else { throw .waves(waves) }
        var shares: [Double] = []
        for name in names { shares.append(try Self.share(name)) }
        var last = 0.0
        if case .share(let share) = canaryStage { last = share }
        for share in shares {
            guard share > last else { throw .waves(waves) }
            last = share
        }
        guard (0...1).contains(limits.failureShareMax), limits.failureCountMax >= 0,
            limits.reportSeconds > 0, limits.soakSeconds >= 0, limits.predictionCountMin >= 0
        else { throw .limits }
        stages = [canaryStage] + shares.map { .share($0) } + [.all]
        self.limits = limits
    }

    private static func share(_ text: Substring) throws(RolloutPlanError) -> Double {
        guard text.hasSuffix("%"), let percent = Double(text.dropLast()), percent > 0,
            percent < 100
        else { throw .share(String(text.prefix(40))) }
        return percent / 100
    }
}

/// A reason why a plan is none.
package enum RolloutPlanError: Error, Equatable, CustomStringConvertible {
    case canary(String)
    case waves(String)
    case share(String)
    case limits
    case stored(String)

    package var description: String {
        switch self {
        case .canary(let text):
            "The canary '\(text.prefix(80))' is neither a share like '5%' nor up to "
                + "\(ProtocolLimits.audienceCountMax) different agents separated by commas. "
                + "Correct it."
        case .waves(let text):
            "The waves '\(text.prefix(80))' are not up to \(RolloutPlan.waveCountMax) shares, each "
                + "greater than the one before and than the canary's, like '25%,50%'. Correct them."
        case .share(let text):
            "'\(text)' is no share above 0% and below 100%, like '5%'. Correct it."
        case .limits:
            "A limit of the rollout is out of range: counts and seconds start at 0, a share is 0 "
                + "to 1, the report deadline is at least a second. Correct it."
        case .stored(let reason):
            "The rollout on record cannot be read: \(reason) Restore the registry from a copy."
        }
    }
}

extension RolloutPlan.Stage {
    /// The stage as people read it.
    package var text: String {
        switch self {
        case .agents(let agents):
            agents.count == 1 ? "agent \(agents[0])" : "\(agents.count) agents by name"
        case .share(let share): "\(RolloutPlan.percent(share)) of the fleet"
        case .all: "the whole fleet"
        }
    }
}

extension RolloutPlan {
    /// A share in percent with at most one decimal.
    static func percent(_ share: Double) -> String {
        let tenths = Int((share * 1_000).rounded())
        return tenths % 10 == 0 ? "\(tenths / 10) %" : "\(tenths / 10).\(tenths % 10) %"
    }

    /// The plan as it is kept.
    package var json: JSON {
        [
            "stages": .array(stages.map(Self.json)),
            "failure_count_max": .integer(limits.failureCountMax),
            "failure_share_max": .double(limits.failureShareMax),
            "report_seconds": .integer(limits.reportSeconds),
            "soak_seconds": .integer(limits.soakSeconds),
            "prediction_count_min": .integer(limits.predictionCountMin),
        ]
    }

    /// Reads what ``json`` wrote.
    init(json reader: JSONReader) throws(JSONError) {
        var limits = Limits()
        limits.failureCountMax = Int(try reader.integer("failure_count_max"))
        limits.failureShareMax = try reader.double("failure_share_max")
        limits.reportSeconds = try reader.integer("report_seconds")
        limits.soakSeconds = try reader.integer("soak_seconds")
        limits.predictionCountMin = try reader.integer("prediction_count_min")
        var stages: [Stage] = []
        for stage in try reader.objects("stages") {
            if stage.has("agents") {
                stages.append(.agents(try stage.identifiers("agents")))
            } else if stage.has("share") {
                stages.append(.share(try stage.double("share")))
            } else {
                stages.append(.all)
            }
        }
        self.stages = stages
        self.limits = limits
    }

    private static func json(_ stage: Stage) -> JSON {
        switch stage {
        case .agents(let agents):
            ["agents": .array(agents.map { .string($0.description) })]
        case .share(let share): ["share": .double(share)]
        case .all: ["all": .bool(true)]
        }
    }
}

extension JSONReader {
    /// Names of agents.
    func identifiers(_ key: String) throws(JSONError) -> [UnitIdentifier] {
        var names: [UnitIdentifier] = []
        for text in try strings(key) {
            guard let name = UnitIdentifier(text) else { throw try wrong(key, "agents' names") }
            names.append(name)
        }
        return names
    }
}
