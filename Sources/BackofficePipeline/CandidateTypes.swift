import Registry

/// Which of the expected model types are there to be compared, and what becomes of the others.
struct CandidateTypes: Equatable {
    /// Types left out because their run failed, a sentence each: reasons of the decision.
    let excluded: [String]
    /// Types that hold the promotion, a clause each; empty when it may go on.
    let missing: [String]

    /// Looks at the runs of a configuration; only a FAILED type may be left out, and only if asked.
    init(
        expected: [String], excludeFailed: Bool, configHash: String, in registry: Registry
    ) throws(RegistryError) {
        let runs = try registry.runs(configHash: configHash)
        let known = TrainStep.modelTypes + [EnsembleRecipe.modelType]
        var excluded: [String] = []
        var missing: [String] = []
        for type in expected {
            let tries = runs.filter { $0.modelType == type }
            if tries.contains(where: { $0.status == .success }) { continue }
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
    }
}
