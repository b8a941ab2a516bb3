import Registry

/// Which of the expected model types are there to be compared, and what becomes of the others.
struct CandidateTypes: Equatable {
    /// Types left out because their run failed, a sentence each: reasons of the decision.
    let excluded: [String]
    /// Types that hold the promotion, a clause each; empty when it may go on.
    let missing: [String]
    /// Types that have a successful run.
    let done: [String]
    /// Whether a missing type is posted or being trained, so that waiting may help.
    let isPending: Bool

    /// Looks at the runs of a configuration; only a FAILED type may be left out, and only if asked.
    init(
        expected: [String], excludeFailed: Bool, configHash: String, in registry: Registry
    ) throws(RegistryError) {
        let runs = try registry.runs(configHash: configHash)
        let claims = try registry.claims(configHash: configHash).filter { $0.state != .settled }
        let known = TrainStep.modelTypes + [EnsembleRecipe.modelType]
        var excluded: [String] = []
        var missing: [String] = []
        var done: [String] = []
        var isPending = false
        for type in expected {
            let tries = runs.filter { $0.modelType == type }
            if tries.contains(where: { $0.status == .success }) {
                done.append(type)
                continue
            }
            if let claim = claims.first(where: { $0.order.modelType == type }) {
                missing.append("\(type) \(claim.clause)")
                isPending = true
                continue
            }
            guard known.contains(type) else {
                missing.append(
                    "\(type) was not trained and is no known type (known: "
                        + "\(known.joined(separator: ", ")))")
                continue
            }
            guard let last = tries.last else {
                missing.append("\(type) was not trained")
                continue
            }
            if last.status == .failed && excludeFailed {
                excluded.append(
                    "Expected type \(last.clause(name: type)) and left out, as --exclude-failed "
                        + "asks.")
            } else {
                missing.append(last.clause(name: type))
            }
        }
        if missing.isEmpty && !runs.contains(where: { $0.status == .success }) {
            missing.append("no run of any type has succeeded")
        }
        self.excluded = excluded
        self.missing = missing
        self.done = done
        self.isPending = isPending
    }
}

extension Claim {
    /// Where an unsettled claim stands, after its type's name.
    var clause: String {
        let attempts = "attempt \(failureCount + 1) of \(attemptsMax)"
        return switch lease {
        case .some(let lease): "is being trained by \(lease.holder) (\(attempts))"
        case nil: "waits for a trainer (\(attempts))"
        }
    }
}
