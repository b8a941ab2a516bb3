/// A reason why a model could not be trained.
package enum TrainingError: Error, Equatable {
    /// The training role holds no snapshots, or none from which a model learns.
    case noTrainingRows
    /// Trajectories of this role must end in a failure, because labels count back from it.
    case censored(unit: String)
    /// libxgboost refused a call.
    case library(call: String, message: String)
    /// A saved model does not look like what this version of the library writes.
    case unexpectedModel(reason: String)
    /// The fit found fewer features with any gain than the configuration wants to keep.
    case tooFewFeatures(used: Int, wanted: Int)
    /// The caller's progress closure asked to stop.
    case cancelled(afterRound: Int)
    /// Training ran away: the loss or the gradient of a step is no finite number.
    case diverged(step: Int, loss: String, gradientNorm: String)
    /// The fitted scaler was refused by the feature code.
    case featureParameters(reason: String)
    /// No life is long enough to measure how a slope changes.
    case livesTooShort(longest: Int, needed: Int)
    /// What was fitted for a trend was refused by the code that runs it.
    case trendModel(reason: String)
    /// liblbfgs gave up; it has names for its codes only in its header.
    case search(status: Int32)
}

extension TrainingError: CustomStringConvertible {
    /// What was seen, against what was expected, then the operator's next step.
    package var description: String {
        switch self {
        case .noTrainingRows:
            "The train units have no snapshots to learn from; recurrent nets need 15 of a unit. "
                + "Preprocess a data set with more units."
        case .censored(let unit):
            "Unit \(unit) does not end in a failure, so its life cannot be labelled. "
                + "Leave it out of the training data."
        case .library(let call, let message):
            "\(call) failed: \(message) Compare the installed libxgboost with 1.7."
        case .unexpectedModel(let reason):
            "The saved model cannot be read: \(reason). Compare the installed libxgboost with 1.7."
        case .tooFewFeatures(let used, let wanted):
            "Only \(used) features have any gain, \(wanted) are to be kept. "
                + "Train on more units."
        case .cancelled(let round):
            "Training was cancelled after round \(round). Start it again."
        case .diverged(let step, let loss, let gradientNorm):
            "Training diverged in step \(step): the loss is \(loss) and the gradient's norm "
                + "\(gradientNorm). Lower the learning rate or look for outliers in the data."
        case .featureParameters(let reason):
            "The fitted normalization is not valid: \(reason) Look for outliers in the settings."
        case .livesTooShort(let longest, let needed):
            "The longest life has \(longest) snapshots, a trend needs \(needed) to learn from. "
                + "Preprocess a data set with longer lives."
        case .trendModel(let reason):
            "The fitted trend is not valid: \(reason) Look for outliers in the sensors."
        case .search(let status):
            "liblbfgs ended with \(status). Look it up in lbfgs.h and compare the installed "
                + "library with 1.10."
        }
    }
}
