import Inference
import Prognostics
import Registry

/// Which runs an ensemble is made of, and how much each counts.
package struct EnsembleRecipe: Equatable, Sendable {
    /// One member as it is written: `lstm=0.4`, or `lstm@2=0.4` for the run under seed 2.
    package struct Member: Equatable, Sendable {
        package let modelType: String
        /// The seed of the member's run; nil for the ensemble's own.
        package let seed: UInt32?
        package let weight: Double
    }

    /// The model type of the runs that combine others.
    package static let modelType = "ensemble"
    /// What is combined unless the configuration says otherwise (docs/recipe.md).
    package static let shippedText = "xgboost=0.6,lstm=0.4"

    /// The members in the order of their weights' summation.
    package let members: [Member]

    /// Reads members separated by commas, each `{type}={weight}` or `{type}@{seed}={weight}`.
    package init(_ text: String) throws(BackofficeError) {
        func refused(_ reason: String) -> BackofficeError {
            .badEnsemble(text: text, reason: reason)
        }
        var members: [Member] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let sides = part.split(separator: "=", omittingEmptySubsequences: false)
            guard sides.count == 2, let weight = Double(sides[1]), weight > 0, weight < 1 else {
                throw refused("'\(part)' is not a type, '=' and a weight above 0 and below 1")
            }
            let name = sides[0].split(separator: "@", omittingEmptySubsequences: false)
            guard TrainStep.modelTypes.contains(String(name[0])) else {
                let known = TrainStep.modelTypes.joined(separator: ", ")
                throw refused("there is no trainer for '\(name[0])'; known: \(known)")
            }
            var seed: UInt32?
            if name.count > 1 {
                guard name.count == 2, let number = UInt32(name[1]) else {
                    throw refused("'\(sides[0])' is not a type, '@' and a seed")
                }
                seed = number
            }
            guard !members.contains(where: { $0.modelType == name[0] && $0.seed == seed }) else {
                throw refused("'\(sides[0])' stands twice")
            }
            members.append(Member(modelType: String(name[0]), seed: seed, weight: weight))
        }
        guard (2...InferencePlan.memberCountMax).contains(members.count) else {
            throw refused(
                "it has \(members.count) member(s), expected 2 to "
                    + "\(InferencePlan.memberCountMax)")
        }
        let sum = members.reduce(0) { $0 + $1.weight }
        guard (sum - 1).magnitude <= InferencePlan.weightSumTolerance else {
            throw refused("its weights add up to \(sum), not to 1")
        }
        self.members = members
    }
}

extension EnsembleRecipe {
    /// A member's run under the ensemble's seed.
    struct MemberRun: Equatable {
        let member: Member
        let seed: UInt32
        let runID: String

        /// `lstm@2`: what it is and under which seed.
        var name: String { "\(member.modelType)@\(seed)" }
    }

    /// The run that each member is, in the configuration of a data set.
    func runs(configHash: String, seed: UInt32) throws(BackofficeError) -> [MemberRun] {
        var runs: [MemberRun] = []
        for member in members {
            let own = member.seed ?? seed
            let runID = try TrainStep.runID(member.modelType, seed: own, configHash: configHash)
            guard !runs.contains(where: { $0.runID == runID }) else {
                throw .badEnsemble(
                    text: text, reason: "under seed \(seed), '\(member.modelType)' stands twice")
            }
            runs.append(MemberRun(member: member, seed: own, runID: runID))
        }
        return runs
    }

    /// Why members cannot be combined yet, a clause each; empty when all have succeeded.
    func missing(configHash: String, seed: UInt32, in registry: Registry) throws -> [String] {
        try runs(configHash: configHash, seed: seed).compactMap { member in
            guard let run = try registry.run(member.runID) else {
                return "\(member.name) was not trained"
            }
            return run.status == .success ? nil : run.clause(name: member.name)
        }
    }

    /// The members' bundles, each with the digest that its run registered.
    /// - Throws: `membersMissing` unless every run has succeeded, and when a bundle is damaged.
    func bundles(
        configHash: String, seed: UInt32, in workspace: Workspace
    ) throws -> [(run: MemberRun, bundle: StoredBundle)] {
        let registry = workspace.registry
        let missing = try missing(configHash: configHash, seed: seed, in: registry)
        guard missing.isEmpty else {
            throw BackofficeError.membersMissing(configHash: configHash, missing: missing)
        }
        let versions = try registry.modelVersions(configHash: configHash)
        return try runs(configHash: configHash, seed: seed).map { member in
            guard let version = versions.first(where: { $0.run.runID == member.runID }) else {
                preconditionFailure("run \(member.runID) succeeded without a version")
            }
            return (member, try StoredBundle(version, in: workspace))
        }
    }

    /// The members as they were written, for messages and for people in the registry.
    package var text: String {
        members.map { member in
            "\(member.modelType)\(member.seed.map { "@\($0)" } ?? "")=\(member.weight)"
        }.joined(separator: ",")
    }
}

extension Run {
    /// What became of a run, for a list of what is missing: `lstm is FAILED (reason)`.
    func clause(name: String) -> String {
        "\(name) is \(status.rawValue)" + (reason.isEmpty ? "" : " (\(reason))")
    }
}
