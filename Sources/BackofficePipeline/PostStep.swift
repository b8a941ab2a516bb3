package import Registry

/// Posts the runs of the newest data set for whoever trains, and announces the data set.
package struct PostStep {
    private let workspace: Workspace
    private let progress: ProgressReport

    package init(workspace: Workspace, progress: ProgressReport) {
        self.workspace = workspace
        self.progress = progress
    }

    /// Posts every type, and the ensemble, that is not registered yet; returns what was posted.
    ///
    /// Open claims of other data sets are withdrawn: only the newest is evaluated.
    package func post(
        types: [String], ensemble: EnsembleRecipe?, seed: UInt32, attemptsMax: Int
    ) throws -> [TrainingOrder] {
        var steps = try types.filter { $0 != EnsembleRecipe.modelType }.map {
            try TrainStep(workspace: workspace, modelType: $0, seed: seed, progress: progress)
        }
        if let ensemble {
            steps.append(
                TrainStep(
                    workspace: workspace, ensemble: ensemble, seed: seed, progress: progress))
        }
        let orders = try steps.filter { try $0.known() == nil }.map { try $0.order() }
        if let configHash = orders.first?.configHash {
            try workspace.registry.withdrawClaims(except: configHash)
        }
        try workspace.registry.post(orders, attemptsMax: Int64(attemptsMax))
        return orders
    }

    /// Says on `pipeline/training-data` where the newest data set is.
    package func announce(broker: FleetBroker) throws {
        guard let newest = try workspace.registry.newestDataSet() else {
            throw BackofficeError.noDataSet
        }
        PipelineChannel(broker: broker, listens: false, progress: progress).announce(
            try PreprocessStep.claimCheck(newest.configHash, in: workspace))
    }
}
