import Features

/// The configuration of one boosted-tree model.
///
/// Everything that changes the model's bytes stands here except the data and the seed, so a run id
/// derived from ``canonicalText`` names the model. libxgboost's own defaults are never relied on.
package struct XGBoostParameters: Equatable, Sendable {
    /// Boosting rounds, one tree each.
    package var roundCount: Int
    /// The greatest depth of a tree; a tree of depth 1 has two leaves.
    package var depthMax: Int
    /// Learning rate: the share of each tree's correction that is applied, in `0 ..< 1`.
    package var eta: Double
    /// The least number of rows on each side of a split (for squared error, hessian = 1 per row).
    package var rowsPerLeafMin: Int
    /// The share of rows that each round draws, without replacement.
    package var rowShare: Double
    /// The share of features that each tree may use.
    package var featureShare: Double
    /// Histogram bins per feature; no more than 256, so that cuts fit the device's 8-bit bins.
    package var binMax: Int
    /// Features kept, by highest mean gain of a first fit on all of them.
    package var keptFeatureCount: Int
    /// The share of train units that are learnt from a second time, as late starters.
    ///
    /// None as shipped: no input tells a late start from a young unit whose age is known, and units
    /// seen from the start were predicted worse (docs/recipe.md).
    package var lateStarterShare: Double

    /// What the model is trained without; none for what ships.
    package var without: InputMask = []

    /// Creates a configuration.
    /// - Precondition: Every value lies in the range that its property states.
    package init(
        roundCount: Int = 400, depthMax: Int = 4, eta: Double = 0.05, rowsPerLeafMin: Int = 200,
        rowShare: Double = 0.5, featureShare: Double = 0.4, binMax: Int = 256,
        keptFeatureCount: Int = 40, lateStarterShare: Double = 0
    ) {
        precondition((1...10_000).contains(roundCount) && (1...8).contains(depthMax))
        precondition(eta > 0 && eta < 1 && rowsPerLeafMin >= 1)
        precondition(rowShare > 0 && rowShare <= 1 && featureShare > 0 && featureShare <= 1)
        precondition(
            (2...256).contains(binMax)
                && (1...FeatureSpec.engineeredCount).contains(keptFeatureCount))
        self.roundCount = roundCount
        self.depthMax = depthMax
        self.eta = eta
        self.rowsPerLeafMin = rowsPerLeafMin
        self.rowShare = rowShare
        self.featureShare = featureShare
        self.binMax = binMax
        precondition((0...1).contains(lateStarterShare))
        self.keptFeatureCount = keptFeatureCount
        self.lateStarterShare = lateStarterShare
    }

    /// What is trained every night, chosen by cross-validation on training units (docs/recipe.md).
    package static let shipped = Self()

    /// The configuration of the design this project started from; it overfits, kept to compare.
    package static let source = Self(
        roundCount: 185, depthMax: 8, eta: 0.1, rowsPerLeafMin: 1, rowShare: 0.8, featureShare: 0.8)

    /// The configuration as text, the same for the same configuration: run ids derive from it.
    package var canonicalText: String {
        "xgboost/1 rounds=\(roundCount) depth=\(depthMax) eta=\(eta) min_child_weight="
            + "\(rowsPerLeafMin) subsample=\(rowShare) colsample_bytree=\(featureShare) "
            + "max_bin=\(binMax) kept_features=\(keptFeatureCount) "
            + "late_starters=\(lateStarterShare)" + without.parameterText
    }
}
