/// A reason why a trained model could not become a bundle.
package enum QuantizationError: Error, Equatable {
    /// A role that a step learns from has no units.
    case noUnits(role: String)
    /// Trajectories to calibrate on must end in a failure, because labels count back from it.
    case censored(unit: String)
    /// Calibration saw only failing or only healthy rows.
    case oneOutcomeOnly(rowCount: Int, failing: Bool)
    /// A feature has more cuts than an 8-bit bin can tell apart.
    case tooManyCuts(feature: Int, count: Int, limit: Int)
    /// A tree is deeper than the device's padded form.
    case tooDeep(depth: Int, limit: Int)
    /// No tune or calibrate unit is long enough for a golden trajectory.
    case noGoldenUnit(sizeMin: Int, sizeSeen: Int)
    /// Members of an ensemble read features with different scalers or regimes.
    case differentFeatures(runIDs: [String])
    /// The finished bundle was refused by the code that the device runs.
    case refused(reason: String)
}

extension QuantizationError: CustomStringConvertible {
    /// What was seen, against what was expected, then the operator's next step.
    package var description: String {
        switch self {
        case .noUnits(let role):
            "No units have the role \(role). Preprocess a data set with more units."
        case .censored(let unit):
            "Unit \(unit) does not end in a failure, so its life cannot be labelled. "
                + "Leave it out of the tune and calibrate units."
        case .oneOutcomeOnly(let rowCount, let failing):
            "All \(rowCount) rows of the tune units are \(failing ? "within" : "beyond") 30 cycles "
                + "of failure, so no probability can be calibrated. Preprocess more units."
        case .tooManyCuts(let feature, let count, let limit):
            "Feature \(feature) has \(count) cuts, the limit is \(limit). Lower max_bin or rounds."
        case .tooDeep(let depth, let limit):
            "A tree is \(depth) splits deep, the limit is \(limit). Lower max_depth."
        case .noGoldenUnit(let sizeMin, let sizeSeen):
            "The longest tune or calibrate unit has \(sizeSeen) snapshots, a golden trajectory "
                + "needs \(sizeMin). Preprocess more units."
        case .differentFeatures(let runIDs):
            "The runs \(runIDs.joined(separator: " and ")) have different feature parameters, and "
                + "a bundle holds one set. Train both again on the same data set."
        case .refused(let reason):
            "The bundle was refused by the code that the device runs: \(reason)"
        }
    }
}
